"""Data Docs: the answers of a run as pages to read in a browser, rebuilt by every run.

Great Expectations' own pages fetch their styles and scripts from the web and its index is empty
without them. So the index is ours, and its pages get a plain style of our own: all of it reads the
same without a network, and opening it tells nobody.

Its templates also write keys of records as they are, so they are given text that is HTML already;
of what they make of it only text and its structure stay, and each page forbids the browser scripts
and requests.
"""

import copy
import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from expectations import page_markup
from expectations.checks import Check
from expectations.reports import CheckResult, Report, worst_first
from orchestration.base import clock, escaping
from orchestration.base.private_files import group_of_the_house, protect_tree
from orchestration.base.settings import Settings

SITE = "account_health"
HERE = Path(__file__).parent
FAILING_RECORDS_SHOWN = 10
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    " style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'\">"
)


class DocsNotWritten(Exception):
    """The pages could not be written; the message says where and why. What was validated stands."""


def build_docs(reports: Iterable[Report], folder: Path | None = None) -> Path:
    """Build the pages of the reports and return the path of their index.

    In the index, `#<boundary>.<table>` leads to the checks of a table (`Check.subject`). The folder
    is replaced as a whole, by renaming: a reader never meets half of it. Raises DocsNotWritten.
    """
    folder = folder or Settings.from_environment().docs
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return build_in(unfinished, folder, list(reports))
    except Exception as problem:  # whatever Great Expectations makes of a full disk
        shutil.rmtree(unfinished, ignore_errors=True)
        reason = problem.strerror if isinstance(problem, OSError) else None
        text = reason or f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        raise DocsNotWritten(
            f"The Data Docs in {folder} (HEALTH_DOCS_DIR) were not written: {text}. What was"
            " validated is in health.check_results and health.check_failures all the same."
        ) from problem


def build_in(unfinished: Path, folder: Path, reports: Sequence[Report]) -> Path:
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write_pages(reports, unfinished)
    for page in unfinished.rglob("*.html"):
        page.write_text(restyled(page.read_text(encoding="utf-8")), encoding="utf-8")
    # What its own pages ask for, and ours do not.
    shutil.rmtree(unfinished / "static", ignore_errors=True)
    (unfinished / "index.html").write_text(index(reports, unfinished), encoding="utf-8")
    protect_tree(unfinished, group_of_the_house())
    replaced = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    unfinished.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    return folder / "index.html"


def write_pages(reports: Iterable[Report], folder: Path) -> None:
    """One page per suite, as Great Expectations makes them."""
    from great_expectations.core import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    from expectations.validation import new_context

    # A context of its own, so that pages of earlier runs in this process stay out.
    context = new_context()
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    run_id = RunIdentifier(run_name="health", run_time=clock.now())
    for report in reports:
        for name, answer in report.validations.items():
            answer = as_page_text(answer)
            answer.meta["run_id"] = run_id
            key = ValidationResultIdentifier(
                expectation_suite_identifier=ExpectationSuiteIdentifier(name),
                run_id=run_id,
                batch_identifier=f"{report.dates[0]} to {report.dates[-1]}",
            )
            context.validation_results_store.set(key, answer)
    context.build_data_docs()


def as_page_text(answer: Any) -> Any:
    """A copy of what Great Expectations answered in which all text of data and of checks is safe in
    a page."""

    def safe(value: Any) -> Any:
        if isinstance(value, str):
            return escaping.page(value)
        if isinstance(value, dict):
            return {key: safe(cell) for key, cell in value.items()}
        return [safe(cell) for cell in value] if isinstance(value, (list, tuple)) else value

    shown = copy.deepcopy(answer)
    for result in shown.results:
        result.result = safe(result.result)
        asked = result.expectation_config
        asked.description = safe(asked.description)
        # By its title a record has its figure.
        asked.meta = {**safe(asked.meta), "title": asked.meta["title"]}
    return shown


def restyled(page: str) -> str:
    """The text of a page of Great Expectations, in our style."""
    head = f'<head>{POLICY}<meta charset="utf-8"><style>{css()}</style>'
    return page_markup.kept(page).replace("<head>", head, 1)


def css() -> str:
    return (HERE / "docs.css").read_text(encoding="utf-8")


def index(reports: Sequence[Report], folder: Path) -> str:
    """The page that opens first: what failed, worst first, then every check of the last date."""
    jinja = jinja2.Environment(autoescape=True, trim_blocks=True, finalize=one_line)
    template = jinja.from_string((HERE / "docs.html.jinja").read_text(encoding="utf-8"))
    results = [result for report in reports for result in report.results]
    day = max((result.health_date for result in results), default=None)
    return template.render(
        css=Markup(css()),
        policy=Markup(POLICY),
        day=day,
        boundaries=[
            {
                "name": report.boundary,
                "dates": " to ".join(dict.fromkeys(map(str, (report.dates[0], report.dates[-1])))),
                "validated": f"{sum(result.was_validated for result in report.results):,}",
                "failed": f"{len(report.failed):,}" if report.failed else 0,
            }
            for report in reports
        ],
        failed=[
            {"latest": found[0], "dates": len(found)}
            for found in by_check(worst_first(result for result in results if not result.passed))
        ],
        shown=FAILING_RECORDS_SHOWN,
        subjects=subjects(
            [result for result in results if result.health_date == day], pages(folder)
        ),
    )


def one_line(value: Any) -> Any:
    return escaping.line(value) if type(value) is str else value


def by_check(results: Iterable[CheckResult]) -> Iterable[list[CheckResult]]:
    """The results of each check together, in their order."""
    found: dict[Check, list[CheckResult]] = {}
    for result in results:
        found.setdefault(result.check, []).append(result)
    return found.values()


def subjects(results: Iterable[CheckResult], pages: dict[str, str]) -> list[dict[str, Any]]:
    """The results by the table that they check, with the page of its suite."""
    by_subject: dict[str, list[CheckResult]] = {}
    for result in results:
        by_subject.setdefault(result.check.subject, []).append(result)
    return [
        {"name": subject, "results": found, "page": pages[subject]}
        for subject, found in sorted(by_subject.items())
    ]


def pages(folder: Path) -> dict[str, str]:
    """The pages of validations: the link from the index, by the name of the suite."""
    found = (folder / "validations").rglob("*.html")
    return {
        ".".join(page.relative_to(folder / "validations").parts[:2]): quote(
            page.relative_to(folder).as_posix()
        )
        for page in found
    }
