"""Python reads this first wherever tests have put its folder on PYTHONPATH (`pipeline.py`).

A `health-dbt` is there a client of a server that has dbt and the project in memory, which spares
each the eight seconds that they take (`dbt_server.py`). Arguments, working directory, environment,
standard input and outputs are those of this process, and so are its exit code and its end: who
kills it ends dbt, and it ends with who started it.
"""

import os
import sys

SERVER = "TEST_DBT_SERVER"
POLL_SECONDS = 0.2
START_SECONDS = 600


def main() -> None:
    import json
    import select
    import signal
    import socket
    import time

    server = socket.socket(socket.AF_UNIX)
    parent, until = os.getppid(), time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect(os.environ[SERVER])
            break
        except FileNotFoundError:  # it is still reading
            if time.monotonic() > until:
                return
            time.sleep(POLL_SECONDS)
        except ConnectionRefusedError:  # a project that cannot be read: dbt itself says why
            return
    socket.send_fds(server, [b"."], [0, 1, 2])
    folder = os.getcwd()  # noqa: PTH109  pathlib takes a while to import
    request = {"arguments": sys.argv[1:], "folder": folder, "environment": dict(os.environ)}
    server.sendall(json.dumps(request).encode() + b"\n")
    while not select.select([server], [], [], POLL_SECONDS)[0]:
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
    answer = server.recv(16)
    if not answer:  # dbt itself was killed
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(int(answer))


if (
    SERVER in os.environ
    and os.path.basename(sys.orig_argv[1] if len(sys.orig_argv) > 1 else "") == "health-dbt"  # noqa: PTH119
    and os.environ.get("HEALTH_TARGET", "duckdb") == "duckdb"
):
    sys.argv = sys.orig_argv[1:]
    main()
