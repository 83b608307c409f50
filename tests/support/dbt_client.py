"""Stands for `dbt` in tests: has the server beside it (`dbt_server.py`) do the work.

Called with the server's address and dbt's arguments. Working directory, environment, standard input
and outputs are those of this process, and so are its exit code and its end: who kills it ends dbt.
Imports little, because it starts hundreds of times.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path


def main() -> None:
    server = socket.socket(socket.AF_UNIX)
    server.connect(sys.argv[1])
    socket.send_fds(server, [b"."], [0, 1, 2])
    request = {
        "arguments": sys.argv[2:],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
    }
    server.sendall(json.dumps(request).encode() + b"\n")
    answer = server.recv(16)
    if not answer:  # dbt itself was killed
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(int(answer))


if __name__ == "__main__":
    main()
