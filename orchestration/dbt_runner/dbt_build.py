"""Run `dbt build` for some health dates, tell of its progress, and say plainly what went wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.base import progress
from orchestration.base.settings import DBT_PROJECT, ROOT, Settings
from orchestration.base.stopping import ends_with_us, stand_still_if_stopped
from orchestration.dbt_runner import dbt_process

DATES = ("HEALTH_DATE", "HEALTH_START_DATE", "HEALTH_END_DATE")
END_SECONDS = 3  # how long dbt may take to end when the run is stopped

Event = dict[str, Any]
FINISHED = {
    "LogModelResult",
    "LogSeedResult",
    "LogTestResult",
    "LogSkipBecauseError",
    "SkippingDetails",
}


@dataclass(frozen=True)
class Progress:
    """One finished node: how many are done of how many, its name and whether it went well."""

    done: int
    total: int
    name: str
    is_ok: bool


class BuildFailed(Exception):
    """`dbt build` failed; the message says why in words for the user.

    may_pass: whether the same build may succeed in a moment.
    """

    def __init__(self, message: str, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


def copied_project(folder: Path, seeds: Path) -> Path:
    """A copy of the dbt project in the folder, beside a copy of the seeds that it shall read. A
    file that the seeds lack is an empty one."""
    project = folder / "dbt_project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(seeds, folder / "seeds")
    for seed in (ROOT / "seeds").glob("*.csv"):
        copy = folder / "seeds" / seed.name
        if not copy.exists():  # a folder older than the file: it counts as empty
            with seed.open(encoding="utf-8-sig") as lines:
                copy.write_text(next(lines), encoding="utf-8")
    return project


def build(
    settings: Settings,
    start: date,
    end: date,
    on_progress: Callable[[Progress], None],
    *,
    on_result: Callable[[Event], None] = lambda event: None,
    project: Path | None = None,
    select: Sequence[str] = (),
    without: Sequence[str] = ("unit_test",),
    variables: Mapping[str, Any] | None = None,
) -> None:
    """Calculate the health dates from start to end, both included. Raises BuildFailed.

    on_result: told dbt's own event of each node that is finished.
    project: a copy of the dbt project to run instead, its artifacts inside it.
    select: names of the nodes to build, all when empty.
    without: kinds of dbt resources to leave out. variables: dbt vars to set.
    """
    artifacts = (
        {"DBT_TARGET_PATH": str(project / "target"), "DBT_LOG_PATH": str(project / "logs")}
        if project
        else {}
    )
    process = dbt_process.started(
        [
            *("--log-format", "json", "--log-level", "info"),
            *("build", "--exclude-resource-type", *without),
            *(("--select", *select) if select else ()),
            *(("--vars", json.dumps(variables)) if variables else ()),
        ],
        project or DBT_PROJECT,
        {**environment(settings), **artifacts},
        {"HEALTH_START_DATE": start.isoformat(), "HEALTH_END_DATE": end.isoformat()},
    )
    ends_with_us(process)
    assert process.stdout is not None
    problems: list[str] = []
    done = 0
    try:
        for event in parsed_events(process.stdout):
            name, data = event["info"]["name"], event.get("data", {})
            if name in FINISHED:
                done += 1
                node = data.get("node_info", {})
                is_ok = node.get("node_status") in ("success", "pass", "warn")
                total = data.get("total", done)
                on_progress(Progress(done, total, node.get("node_name", ""), is_ok))
                on_result(event)
            elif name == "JinjaLogInfo":
                progress.note(event["info"]["msg"])
            elif event["info"]["level"] == "error":
                problems.append(event["info"]["msg"])
        exit_code = process.wait()
        stand_still_if_stopped()
    finally:
        stop(process)
    if exit_code != 0:
        if exit_code < 0:
            perhaps = "; perhaps memory ran out" if -exit_code == signal.SIGKILL else ""
            problems.append(f"dbt was killed by signal {-exit_code}{perhaps}.")
        message = readable_problem(problems)
        raise BuildFailed(message, -exit_code == signal.SIGKILL or is_locked(message))


def load_raw_values(
    settings: Settings,
    start: date,
    end: date,
    *,
    project: Path | None = None,
    variables: Mapping[str, Any] | None = None,
) -> None:
    """Load the seed that models on Spark read as they are compiled. Raises BuildFailed.

    project, variables: as in `build`.
    """
    build(
        settings,
        start,
        end,
        lambda done: None,
        project=project,
        select=["raw_values"],
        without=("unit_test", "test"),
        variables=variables,
    )


def is_locked(message: str) -> bool:
    """Whether DuckDB says that another process has the file open, which passes."""
    return "Could not set lock on file" in message


def start_early(settings: Settings) -> None:
    """Have dbt get ready for a `build` that is still to come."""
    dbt_process.start_early(DBT_PROJECT, environment(settings))


def environment(settings: Settings) -> dict[str, str]:
    """What dbt needs to know before it reads the project."""
    return {
        **{name: text for name, text in os.environ.items() if name not in DATES},
        **settings.environment,
        "DBT_WRITE_JSON": "false",  # seconds, for a manifest and results that nobody reads
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def stop(process: subprocess.Popen[str]) -> None:
    """End dbt if it is still at work, because the run was stopped."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def parsed_events(lines: Iterator[str]) -> Iterator[Event]:
    """dbt's events; a line that is no event (a crash) becomes an error event."""
    for line in lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            yield {"info": {"name": "Output", "level": "error", "msg": line.rstrip()}}


def readable_problem(problems: list[str]) -> str:
    """What dbt reported, without its own bookkeeping: colours, repeats, macro traces, files."""
    kept: list[str] = []
    for line in "\n".join(problems).splitlines():
        text = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()
        is_bookkeeping = re.match(
            r"\s*(> (in macro|called by)|compiled code at|Completed with|Encountered an error"
            r"|\d+ of \d+ |Failure in |(Compilation|Runtime|Database) Error in )",
            text,
        )
        if text.strip() and not is_bookkeeping and text not in kept:
            kept.append(text)
    return "\n".join(kept)
