"""The program `health`."""

import sys

from orchestration import private_files
from orchestration.stopping import stoppable


def main() -> None:
    private_files.begin()
    sys.exit(stoppable(command))


def command() -> int:
    """The command line; imported here, so that it can be stopped while it loads."""
    try:
        from orchestration.cli import main

        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


if __name__ == "__main__":
    main()
