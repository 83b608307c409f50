"""`python -m benchmarks.phases FIRST LAST`: `health run`, with the time of each of its phases."""

import json
import resource
import sys
import time
from datetime import date

from orchestration.base import progress
from orchestration.base.settings import Settings
from orchestration.console import in_process
from orchestration.dbt_runner import dbt_build, dbt_process
from orchestration.dbt_runner.wrong_configuration import refuse_wrong_configuration


class Stopwatch:
    """Seconds, and seconds of CPU of this process, by phase; phases of the same name add up."""

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}
        self.phase, self.began, self.cpu = "Starting", time.perf_counter(), time.process_time()

    def show(self, step: progress.Step) -> None:
        if step.phase and step.phase != self.phase:
            self.lap(step.phase)

    def lap(self, phase: str) -> None:
        found = self.phases.setdefault(self.phase, {"seconds": 0.0, "cpu_seconds": 0.0})
        found["seconds"] += time.perf_counter() - self.began
        found["cpu_seconds"] += time.process_time() - self.cpu
        self.phase, self.began, self.cpu = phase, time.perf_counter(), time.process_time()


def main(first: date, last: date) -> None:
    settings = Settings.from_environment()
    settings.state.mkdir(parents=True, exist_ok=True)
    watch = Stopwatch()
    dbt_build.start_early(settings)
    try:
        refuse_wrong_configuration()
        with in_process.everything_else_to(settings.state / "health_run.log"):
            in_process.execute(settings, first, last, watch.show)
    finally:
        dbt_process.dismiss_early()
    watch.lap("")
    dbt = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"phases": watch.phases, "dbt_cpu_seconds": dbt.ru_utime + dbt.ru_stime}))


if __name__ == "__main__":
    main(*(date.fromisoformat(text) for text in sys.argv[1:3]))
