"""Our own pipeline under measurement: whole `dbt build` processes, and its SQL alone."""

import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.processes import Took, timed

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"


@dataclass(frozen=True)
class Pipeline:
    """A warehouse, the raw folder it is built from, and the folder for dbt's own files."""

    raw: Path
    warehouse: Path
    target: Path

    def build(self, first: date, last: date) -> Took:
        """Calculate the health dates as the nightly run does: data tests too, no unit tests."""
        environment = {
            **{name: text for name, text in os.environ.items() if name != "HEALTH_DATE"},
            "HEALTH_RAW_DIR": str(self.raw),
            "HEALTH_DB_PATH": str(self.warehouse),
            "HEALTH_START_DATE": first.isoformat(),
            "HEALTH_END_DATE": last.isoformat(),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        dbt = str(Path(sys.executable).with_name("dbt"))
        command = [dbt, "--no-use-colors", "build", "--exclude-resource-type", "unit_test"]
        return timed(command, environment, PROJECT)

    def sql_seconds(self) -> dict[str, float]:
        """The statements that the last build wrote, run once more: seconds of each model.

        The warehouse must be as it was before that build. Data tests are not among them.
        """
        results = json.loads((self.target / "run_results.json").read_text())["results"]
        models = [
            result
            for result in results
            if result["unique_id"].startswith("model.") and result["status"] == "success"
        ]
        seconds = {}
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("set threads = 2")
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set preserve_insertion_order = false")
            for result in sorted(models, key=lambda result: finished_at(result)):
                file = written_file(self.target, result["unique_id"])
                if file is None:
                    continue
                started = time.perf_counter()
                connection.execute(file.read_text())
                seconds[result["unique_id"].split(".")[-1]] = time.perf_counter() - started
        return seconds


def replayed(pipeline: Pipeline) -> dict[str, float]:
    """`sql_seconds` in a process of its own, whose memory does not count for what runs next."""
    folders = [str(pipeline.raw), str(pipeline.warehouse), str(pipeline.target)]
    command = [sys.executable, "-m", "benchmarks.pipeline", *folders]
    return json.loads(timed(command, os.environ, PROJECT.parent).output.splitlines()[-1])


def finished_at(result: dict) -> str:
    return max((step["completed_at"] or "" for step in result["timing"]), default="")


def written_file(target: Path, unique_id: str) -> Path | None:
    """Where dbt wrote the statements of a model."""
    return next((target / "run").rglob(f"{unique_id.split('.')[-1]}.sql"), None)


if __name__ == "__main__":
    print(json.dumps(Pipeline(*(Path(folder) for folder in sys.argv[1:])).sql_seconds()))
