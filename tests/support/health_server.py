"""A process that has all that a run imports in memory, and forks for each `health` command.

As for dbt (`dbt_server.py`): importing takes a third of a small run. It reads a request a line from
standard input (JSON: arguments, environment, output file), answers with the process id of the fork,
and with its exit code when it has ended, however that was. One at a time.
"""

import json
import os
import sys
from typing import Any

import great_expectations.expectations  # noqa: F401

import orchestration.definitions  # noqa: F401
from orchestration.cli import main


def run(request: dict[str, Any]) -> None:
    """The command, in the forked process: a session of its own, as one started by cron."""
    os.setsid()
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["health", *request["arguments"]]
    main()


def serve() -> None:
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        fork = os.fork()
        if not fork:
            try:
                run(json.loads(line))
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(end.code if isinstance(end.code, int) else 1)
            os._exit(1)
        print(fork, flush=True)
        _, status = os.waitpid(fork, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
