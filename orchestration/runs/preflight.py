"""Preflight: settings that no run can succeed with are refused before anything is written."""

import os
import tempfile
from pathlib import Path

import click
import duckdb

from orchestration.base.private_files import group_of_the_house, make_folder
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_build import is_locked
from orchestration.notify import notices
from orchestration.notify.alerts import max_age_days, seconds_to_send
from orchestration.notify.destinations import destination_from_environment
from orchestration.publishing.profiles import profiles_from_environment
from orchestration.warehouse import damage
from orchestration.warehouse.duckdb_files import in_memory
from orchestration.warehouse.erasure_list import erasure_list
from orchestration.warehouse.health_dates import catch_up_days
from orchestration.warehouse.published import opened_locked
from orchestration.warehouse.spark import connected


def refuse_what_cannot_work(settings: Settings) -> None:
    """Raises click.ClickException for the first setting of the environment that is wrong."""
    if settings.is_on_spark:
        with connected():
            pass  # it answers
    elif not settings.raw.is_dir():
        raise click.ClickException(
            f"There is no folder {settings.raw}: HEALTH_RAW_DIR names where the raw tables are."
        )
    refuse_wrong_places(settings)
    destination_from_environment(lambda text: None)
    notices.receiver()
    profiles_from_environment()
    erasure_list(settings.erasures)
    max_age_days()
    seconds_to_send()
    catch_up_days()
    refuse_wrong_limits()


def refuse_wrong_places(settings: Settings) -> None:
    """Raises click.ClickException for what cannot be written, or is no database."""
    for variable, folder in {
        "HEALTH_DB_PATH": settings.warehouse.parent,
        "HEALTH_PUBLISHED_DIR": settings.published,
        "HEALTH_STATE_DIR": settings.state,
    }.items():
        refuse_unwritable(variable, folder)
    refuse_other_files(settings)


def refuse_wrong_limits() -> None:
    threads = os.environ.get("HEALTH_THREADS") or "1"
    if not threads.isdecimal() or not int(threads):
        raise click.ClickException(
            f"HEALTH_THREADS is {threads!r}; it has to be a whole number, at least 1."
        )
    memory_limit = os.environ.get("HEALTH_MEMORY_LIMIT")
    if memory_limit:
        try:
            in_memory(config={"memory_limit": memory_limit}).close()
        except duckdb.Error as problem:
            raise click.ClickException(
                f"HEALTH_MEMORY_LIMIT is {memory_limit!r}; it has to be a size, such as 3GB."
            ) from problem


def refuse_unwritable(variable: str, folder: Path) -> None:
    try:
        make_folder(folder, group_of_the_house())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise click.ClickException(
            f"{folder} cannot be written to ({problem.strerror}): {variable} names another place."
        ) from problem


def refuse_other_files(settings: Settings) -> None:
    """Refuses files that are no database of DuckDB, and those that this version cannot read.

    Not what was published and is damaged since, which the run writes again.
    """
    is_ours = settings.published_file.is_symlink()
    for file in (settings.warehouse, settings.published_file):
        if not file.exists():
            continue
        try:
            opened_locked(file).close()
        except duckdb.Error as problem:
            text = damage.one_line(problem)
            if is_locked(text) or (file == settings.published_file and is_ours):
                continue
            words = damage.of_warehouse(settings, problem)
            raise click.ClickException(words or f"{file} cannot be opened: {text}") from problem
