"""Our own pipeline under measurement: whole `dbt build` processes, and its SQL alone."""

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.processes import Took, timed
from orchestration.dbt_runner.dbt_build import copied_project
from orchestration.raw_reader.functions import add_functions

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"


@dataclass(frozen=True)
class Pipeline:
    """A warehouse, the raw folder it is built from, the folder for dbt's own files, the project."""

    raw: Path
    warehouse: Path
    target: Path
    project: Path = PROJECT

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
            "DBT_WRITE_JSON": "false",  # as the nightly run does
        }
        dbt = str(Path(sys.executable).with_name("health-dbt"))
        command = [dbt, "--no-use-colors", "build", "--exclude-resource-type", "unit_test"]
        shutil.rmtree(self.target / "run", ignore_errors=True)
        return timed(command, environment, self.project)

    def sql_seconds(self) -> dict[str, float]:
        """The statements that the last build wrote, run once more: seconds of each model.

        The warehouse must be as it was before that build. Data tests are not among them.
        """
        seconds = {}
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("set threads = 2")
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set preserve_insertion_order = false")
            # What that build noted of the raw files; looking at them anew took 2 s at M.
            add_functions(connection, self.target.with_name("state"))
            for file in written_files(self.target):
                started = time.perf_counter()
                connection.execute(file.read_text())
                seconds[file.stem] = time.perf_counter() - started
        return seconds


def write_project(folder: Path, times: int) -> Path:
    """A copy of the dbt project in which every health rule stands so many times; where it is.

    A copy of a rule is a further clause, which holds when the first does: states stay as they are.
    """
    checkout = folder / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    project = copied_project(checkout, PROJECT.parent / "seeds")
    file = checkout / "seeds" / "health_rules.csv"
    rules = pd.read_csv(file, dtype=str, keep_default_na=False)
    clauses = rules["clause"].astype(int)
    copies = (rules.assign(clause=clauses + number * clauses.max()) for number in range(times))
    pd.concat(copies).to_csv(file, index=False)
    return project


def replayed(pipeline: Pipeline) -> dict[str, float]:
    """`sql_seconds` in a process of its own, whose memory does not count for what runs next."""
    folders = [str(pipeline.raw), str(pipeline.warehouse), str(pipeline.target)]
    command = [sys.executable, "-m", "benchmarks.pipeline", *folders]
    return json.loads(timed(command, os.environ, PROJECT.parent).output.splitlines()[-1])


def written_files(target: Path) -> list[Path]:
    """Where dbt wrote the statements of the models, in the order in which it ran them."""
    files = (target / "run" / "health" / "models").rglob("*.sql")
    # What belongs to a test lies in a folder with the name of the file that declares it.
    models = [file for file in files if not file.parent.name.endswith(".yml")]
    return sorted(models, key=lambda file: file.stat().st_mtime_ns)


if __name__ == "__main__":
    print(json.dumps(Pipeline(*(Path(folder) for folder in sys.argv[1:])).sql_seconds()))
