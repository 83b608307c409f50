"""Progress of a run in this process, for whoever watches it on a console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What a run is doing: a phase in words, how much of it is done of how much, and the latest.

    note: something to be read after the run as well, instead of a phase.
    """

    phase: str = ""
    done: int = 0
    total: int | None = None
    latest: str = ""
    note: str = ""


Listener = Callable[[Step], None]
listener: ContextVar[Listener] = ContextVar("listener", default=lambda step: None)


def report(phase: str, done: int = 0, total: int | None = None, latest: str = "") -> None:
    """Report to the listener of this process, if there is one."""
    listener.get()(Step(phase, done, total, latest))


def note(text: str) -> None:
    """Report what a person should read, and not only see going by."""
    listener.get()(Step(note=text))


@contextmanager
def listening(watcher: Listener) -> Iterator[None]:
    """Report what runs in this process meanwhile to the watcher."""
    token = listener.set(watcher)
    try:
        yield
    finally:
        listener.reset(token)
