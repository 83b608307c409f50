"""dbt as a run starts it (`health-dbt`): a process that ends with the one that started it.

A run that is killed cannot stop its dbt. Left to itself, dbt would go on writing to the warehouse,
which the next run takes for free.
"""

import gc
import os
import signal
import threading
import time

POLL_SECONDS = 0.2


def main() -> None:
    # The process is short, and looking for garbage in dbt's manifest again and again costs a tenth
    # of a night.
    gc.disable()
    parent = os.getppid()
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    from dbt.cli.main import cli  # takes seconds, in which the run may be killed as well

    cli()


def end_with(parent: int) -> None:
    """Kill this process when it has another parent, which the death of its own gives it."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
