"""dbt as a run starts it (`health-dbt`): a process that ends with the one that started it.

A run that is killed cannot stop its dbt. Left to itself, dbt would go on writing to the warehouse,
which the next run takes for free.

Importing dbt and reading the project take as long as a small calculation. So a run may start the
process before it knows what to ask of it (`start_early`), and tell it later (`started`).
"""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.base.stopping import ends_with_us

DBT = str(Path(sys.executable).with_name("health-dbt"))
WAITS = "HEALTH_DBT_WAITS"
POLL_SECONDS = 0.2

Process = subprocess.Popen[str]
_early: list[tuple[Path, dict[str, str], Process]] = []


def start_early(folder: Path, environment: Mapping[str, str]) -> None:
    """Have a dbt read the project in the folder, and wait for what it shall do."""
    process = open_process([], folder, environment, is_early=True)
    ends_with_us(process)
    _early.append((folder, dict(environment), process))


def started(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], later: Mapping[str, str]
) -> Process:
    """dbt at work on the arguments: the one that waits in this environment, or a new one.

    later: what the environment gets beside, which does not matter to how dbt reads the project.
    """
    while _early:
        at, found, process = _early.pop()
        if (at, read_by_dbt(found)) == (
            folder,
            read_by_dbt(environment),
        ) and process.poll() is None:
            try:
                assert process.stdin is not None  # a pipe, as `open_process` makes it
                process.stdin.write(json.dumps({"arguments": arguments, "later": later}) + "\n")
                process.stdin.close()
            except BrokenPipeError:
                pass
            else:
                return process
        end(process)
    return open_process(arguments, folder, {**environment, **later})


def dismiss_early() -> None:
    """End what nobody told to do anything."""
    while _early:
        end(_early.pop()[-1])


def read_by_dbt(environment: Mapping[str, str]) -> dict[str, str]:
    """What reading the project depends on."""
    return {
        name: text for name, text in environment.items() if name.startswith(("DBT_", "HEALTH_"))
    }


def end(process: Process) -> None:
    process.kill()
    process.communicate()


def open_process(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], is_early: bool = False
) -> Process:
    return subprocess.Popen(
        [DBT, *arguments],
        cwd=folder,
        env={**environment, **({WAITS: "true"} if is_early else {})},
        stdin=subprocess.PIPE if is_early else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def main() -> None:
    # The process is short, and looking for garbage in dbt's manifest again and again costs a tenth
    # of a night.
    gc.disable()
    parent = os.getppid()
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    # What belongs to dbt takes seconds to import, in which the run may be killed as well.
    from orchestration.dbt_runner.lighter_dbt import leave, lighten

    lighten()
    try:
        if os.environ.pop(WAITS, None):
            work_when_asked()
        else:
            from dbt.cli.main import cli

            cli()
    except SystemExit as end:
        leave(end.code)
    leave(0)


def work_when_asked() -> None:
    """Read the project, then do what the line on the standard input says; nothing without one."""
    from dbt.cli.main import dbtRunner

    read: Any = dbtRunner().invoke(["--quiet", "--log-format", "json", "--no-write-json", "parse"])
    request = sys.stdin.readline()
    if request:
        asked = json.loads(request)
        os.environ.update(asked["later"])
        # A project that cannot be read is read again, which says what is wrong with it.
        answer = dbtRunner(manifest=read.result if read.success else None).invoke(
            asked["arguments"]
        )
        sys.exit(0 if answer.success else 1)


def end_with(parent: int) -> None:
    """Kill this process when it has another parent, which the death of its own gives it."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
