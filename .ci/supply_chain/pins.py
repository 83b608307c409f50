"""Pins: the packages and versions that requirements.lock names, on any platform."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Pin:
    """A package at a version; some have two, for older and newer versions of Python."""

    name: str
    version: str


def pins(lock: Path = LOCK) -> list[Pin]:
    """The pins in their order."""
    found = PIN.finditer(lock.read_text(encoding="utf-8"))
    return [Pin(pin["name"], pin["version"]) for pin in found]
