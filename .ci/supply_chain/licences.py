"""`python -m supply_chain.licences`: write docs/licences.md, the licence of each pinned package.

As the packages themselves say it: the licence expression of their metadata, else its classifiers,
else the first line of its licence. Versions are left out, because they depend on that of Python.
"""

import re
from collections.abc import Iterable
from importlib import metadata

from supply_chain.pins import ROOT, pins

FILE = ROOT / "docs" / "licences.md"
ELSEWHERE = "for another platform"
INTRODUCTION = """# Licences of the packages in requirements.lock

As their own metadata say; made by `make licences`, with those for development and the benchmark.

| package | licence |
|---|---|
"""
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def licence(package: str) -> str | None:
    """What an installed package says of its licence, in one line; None for one that is absent."""
    try:
        described = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return None
    expression, first = (
        described.get_all(name) or [""] for name in ("License-Expression", "License")
    )
    classifiers = [
        name.rpartition(" :: ")[2]
        for name in described.get_all("Classifier") or []
        if name.startswith("License :: ")
    ]
    first_line = first[0].strip().partition("\n")[0]
    named = expression[0] or ", ".join(classifiers) or first_line or in_its_file(package)
    return (named or "not stated").replace("|", "/")


def in_its_file(package: str) -> str:
    """The first line of the licence that a package brings as a file, "" without one."""
    brought = metadata.metadata(package).get_all("License-File") or []
    for file in metadata.files(package) or []:
        if brought and file.name == brought[0].rpartition("/")[2]:
            return file.read_text().strip().partition("\n")[0]
    return ""


def page(packages: Iterable[str]) -> str:
    """The list, with those packages of other platforms that are not installed here."""
    rows = (f"| {name} | {licence(name) or ELSEWHERE} |\n" for name in packages)
    return INTRODUCTION + "".join(rows)


def packages() -> list[str]:
    return sorted({pin.name for pin in pins()})


if __name__ == "__main__":
    FILE.write_text(page(packages()), encoding="utf-8")
    print(f"Wrote {FILE.relative_to(ROOT)}")
