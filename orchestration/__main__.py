"""The program `health`."""

import gc
import sys

from orchestration.base import private_files
from orchestration.base.stopping import stoppable


def main() -> None:
    private_files.begin()
    code = stoppable(command)
    gc.freeze()  # or Python looks for garbage among all of it as it ends, which takes two seconds
    sys.exit(code)


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
