"""The erasure list: users and accounts whose data is to be removed, and kept out from then on.

A CSV file of the house (HEALTH_ERASURE_LIST, by default `erasures.csv` beside the warehouse), a row
each: `kind` (`user` or `account`), `id` as in the raw tables, `requested_at` and, if wanted,
`reason`. It is no seed, because a version control would keep the ids for ever. Staging leaves out
the rows of whom it names, so it has to be kept for as long as raw data can bring them back.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import click

KINDS = ("user", "account")


@dataclass(frozen=True, order=True)
class Erasure:
    """Somebody who is to be erased."""

    kind: str
    id: str


def erasure_list(file: Path) -> list[Erasure]:
    """Who is to be erased, each once, in order; nobody where there is no file.

    Raises click.ClickException for a wrong file, with the rows that are wrong; no message shows an
    id.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header = [(name or "").strip().lower() for name in reader.fieldnames or []]
            reader.fieldnames = header
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no CSV file in UTF-8"
        raise click.ClickException(f"The erasure list {file} cannot be read: {reason}.") from None
    missing = [name for name in ("kind", "id", "requested_at") if name not in header]
    if missing:
        raise click.ClickException(
            f"The erasure list {file} lacks the column {' and '.join(missing)}; its first line has"
            " to be `kind,id,requested_at,reason`."
        )
    wrong: list[str] = []
    found: set[Erasure] = set()
    for line, row in rows:
        kind, key = ((row[name] or "").strip() for name in ("kind", "id"))
        if kind.lower() not in KINDS:
            wrong.append(f"line {line}: the kind is neither `user` nor `account`")
        elif not key:
            wrong.append(f"line {line}: the id is empty")
        else:
            found.add(Erasure(kind.lower(), key))
    if wrong:
        raise click.ClickException(
            f"The erasure list {file} is wrong:\n  - " + "\n  - ".join(wrong)
        )
    return sorted(found)
