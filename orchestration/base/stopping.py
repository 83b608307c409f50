"""Stopping: Ctrl-C, SIGTERM or a lost terminal end a command at once, with a line.

The command works in a thread, so that the main thread is free to stop it, whatever it is in: a
query, an import, a library that handles signals in its own way and goes on. What is left is what
`kill -9` leaves: nothing half published, and dates that the next run completes. Before the process
ends, child processes are killed and callbacks clean up what a kill would leave for ever.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from weakref import WeakSet

SIGNALS = {
    signal.SIGINT: "Stopped.",
    signal.SIGTERM: "Stopped, because it was told to end (SIGTERM).",
    signal.SIGHUP: "Stopped, because its terminal is gone.",
}
CLEANING_SECONDS = 3
SCRATCH = ".scratch"  # how the names of scratch folders end
ENDED = b"\0"  # no signal has this number
SHOW_CURSOR = b"\x1b[?25h"

_is_stopping = threading.Event()
_callbacks: list[Callable[[], None]] = []
_notes: list[str] = []
_children: WeakSet[subprocess.Popen] = WeakSet()


def stoppable(command: Callable[[], int]) -> int:
    """Run the command, and return its exit code; a signal ends the process meanwhile."""
    answers: list[int] = []
    waiting, ending = os.pipe()

    def work() -> None:
        try:
            answers.append(command())
        finally:
            os.write(ending, ENDED)

    worker = threading.Thread(target=work, name="command", daemon=True)
    with suppress(OSError):  # without standard error nobody reads the line
        console = os.dup(2)
        for number in SIGNALS:
            # Whoever starts it with nohup wants it to outlive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, frame: stop(number, frame, console))
    # The system may hand a signal to any thread. If that is not the main one, joining the worker
    # would not be interrupted, and Python would call the handler only after it; reading a pipe that
    # each signal is written to is interrupted always.
    os.set_blocking(ending, False)
    signal.set_wakeup_fd(ending, warn_on_full_buffer=False)
    worker.start()
    while os.read(waiting, 1) != ENDED:
        pass
    worker.join()
    return answers[0] if answers else 1


def stop(number: int, frame: FrameType | None, console: int) -> None:
    """End the process. What the command would still say goes nowhere: it did not fail."""
    _is_stopping.set()
    for again in SIGNALS:
        signal.signal(again, signal.SIG_IGN)
    line = " ".join([SIGNALS[signal.Signals(number)], *_notes]).encode() + b"\n"
    with suppress(OSError):
        if os.isatty(console):
            line = b"\r\x1b[2K" + SHOW_CURSOR + line
        nothing = os.open(os.devnull, os.O_WRONLY)
        for output in (1, 2):
            os.dup2(nothing, output)
        os.write(console, line)
    cleaning = threading.Thread(target=clean_up, daemon=True)
    cleaning.start()
    cleaning.join(CLEANING_SECONDS)
    os._exit(128 + number)


def clean_up() -> None:
    for child in list(_children):
        child.kill()
    for child in list(_children):
        with suppress(subprocess.TimeoutExpired):
            child.wait(1)
    for callback in reversed(list(_callbacks)):
        with suppress(Exception):  # the others shall have their turn
            callback()


@contextmanager
def when_stopped(callback: Callable[[], None], note: str = "") -> Iterator[None]:
    """Have the callback called if the process is stopped meanwhile, and the note in its line."""
    _callbacks.append(callback)
    if note:
        _notes.append(note)
    try:
        yield
    finally:
        _callbacks.remove(callback)
        if note:
            _notes.remove(note)


def ends_with_us(child: subprocess.Popen) -> None:
    """Have the child process killed if this one is stopped."""
    _children.add(child)


def stand_still_if_stopped() -> None:
    """Go no further while the process ends: that a child was killed is no failure to note."""
    while _is_stopping.is_set():
        time.sleep(1)


@contextmanager
def scratch_folder(prefix: str, beside: Path) -> Iterator[Path]:
    """A temporary folder within another, removed in the end, also where the end is a signal.

    Not in the folder for all that the system has: a copy of the warehouse may come into it.
    """
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, suffix=SCRATCH, dir=beside) as name:
        folder = Path(name)
        with when_stopped(lambda: shutil.rmtree(folder, ignore_errors=True)):
            yield folder


def scratch_folders(beside: Path) -> list[Path]:
    """Those of commands at work, and of commands that were killed by force."""
    return list(beside.glob(f"health-*{SCRATCH}"))
