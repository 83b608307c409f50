"""Data Docs: the answers of a run as pages to read in a browser, made anew by every run."""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from expectations.reports import Report
from orchestration.settings import ROOT

DEFAULT_DOCS = ROOT / "data" / "docs"
SITE = "account_health"


def docs_folder() -> Path:
    """HEALTH_DOCS_DIR, or the default inside the checkout."""
    return Path(os.environ.get("HEALTH_DOCS_DIR") or DEFAULT_DOCS).resolve()


def build_docs(reports: Iterable[Report], folder: Path | None = None) -> Path:
    """Build the pages of the reports and return the path of their index.

    The folder is replaced as a whole, by renaming: a reader never meets half of it.
    """
    from great_expectations.core import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    from expectations.validation import great_expectations

    folder = folder or docs_folder()
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    # A context of its own, so that pages of earlier runs in this process stay out.
    context = great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(unfinished),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    run_id = RunIdentifier(run_name=None, run_time=datetime.now(UTC))
    for report in reports:
        for name, answer in report.validations.items():
            key = ValidationResultIdentifier(
                expectation_suite_identifier=ExpectationSuiteIdentifier(name),
                run_id=run_id,
                batch_identifier=f"{report.dates[0]} to {report.dates[-1]}",
            )
            context.validation_results_store.set(key, answer)
    context.build_data_docs()
    replaced = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    unfinished.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    return folder / "index.html"
