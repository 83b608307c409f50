"""No raw file loses a record without a word, whatever is wrong with it.

The equation of a file: records written = records read, or the table is unreadable with a message
that names the file. What becomes of records that are read (copies that collapse, rows that are
rejected) is compared row for row in test_random_worlds.py.

`FUZZ=5000 pytest tests/checks/test_fuzz_raw.py` tries that many files, `FIRST_MUTANT=1000` others.
"""

import os
from collections import Counter
from pathlib import Path

import duckdb
from fuzz_raw import MUTATED_TABLES, MUTATIONS, Mutant, Reading, fault, make_mutant
from reference.raw_files import read_table
from reference.raw_tables import raw_tables
from worlds import TABLES

from orchestration.raw_reader import RawTable, read_folder

COUNT = int(os.environ.get("FUZZ", "400"))
FIRST = int(os.environ.get("FIRST_MUTANT", "0"))
# A folder has a mutant of each table.
AT_ONCE = len(MUTATED_TABLES)
REFERENCE = {table.name: table for table in raw_tables()}


def read_by_product(table: RawTable, connection: duckdb.DuckDBPyConnection) -> Reading:
    if table.problem is not None:
        return Reading(table.problem, [])
    rows = []
    for group in table.groups:
        names = list(group.columns)
        selected = ", ".join(column["expression"] for column in group.columns.values()) or "1"
        for row in connection.execute(f"select {selected} from {group.relation}").fetchall():
            texts = {name: (text or "").strip() for name, text in zip(names, row, strict=False)}
            rows.append({name: text for name, text in texts.items() if text})
    assert table.row_count == len(rows)
    return Reading(None, rows)


def read_by_reference(folder: Path, name: str) -> Reading:
    found = read_table(folder, REFERENCE[name])
    known = {column.name for column in TABLES[name].columns}
    rows = [{n: text for n, text in row.items() if n in known} for row in found.rows or []]
    return Reading(found.problem, rows)


def mutants_of(folder: Path, first: int) -> list[Mutant]:
    """A mutant of each table in a folder of its own."""
    return [
        make_mutant(folder, TABLES[name], first + number)
        for number, name in enumerate(MUTATED_TABLES)
    ]


def test_no_record_is_lost_without_a_word(tmp_path: Path) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    faults = []
    with duckdb.connect() as connection:
        for first in range(FIRST, FIRST + COUNT, AT_ONCE):
            folder = tmp_path / str(first)
            mutants = mutants_of(folder, first)
            tables = read_folder(folder).tables
            for number, mutant in enumerate(mutants):
                readings = {
                    "reader": read_by_product(tables[mutant.table], connection),
                    "reference": read_by_reference(folder, mutant.table),
                }
                for reader, reading in readings.items():
                    wrong = fault(mutant, reading)
                    if wrong:
                        seed = f"make_mutant(folder, TABLES['{mutant.table}'], {first + number})"
                        where = f"{seed}, {mutant.mutation}, {mutant.path.name}"
                        faults.append(f"{reader}: {where}: {wrong}")
                told = readings["reader"].problem is not None
                outcomes[mutant.mutation, "told" if told else "read"] += 1
    print(f"\n{sum(outcomes.values())} files:", dict(sorted(outcomes.items())))
    assert not faults, f"{len(faults)} of {sum(outcomes.values())}\n" + "\n".join(faults[:20])
    # It says nothing when nearly every file is refused, or none.
    assert {mutation for mutation, _ in outcomes} == set(MUTATIONS)
    for mutation in ("odd texts", "copies", "objects", "raw insertions", "changed characters"):
        assert outcomes[mutation, "read"] > 0
    for mutation in ("open and closed", "raw insertions", "changed bytes", "cut files"):
        assert outcomes[mutation, "told"] > 0
