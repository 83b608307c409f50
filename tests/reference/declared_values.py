"""What raw_values.csv declares of the values that a company's files hold."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from .raw_tables import RawTable

# A table and one of its columns.
Place = tuple[str, str]
# What may stand after % in a format of times, and what of it says a date.
UNPADDED_TIME_CODES = {f"-{letter}" for letter in "ymdjHIMS"}
TIME_CODES = {*"YymbBdjaAHIpMSfzcxXT%"} | UNPADDED_TIME_CODES
DATE_CODES = {*"YymbBdjcx", "-y", "-m", "-d", "-j"}


class DeclaredValues:
    """Values to read as others, and formats of times, by table and column."""

    def __init__(self, rows: Iterable[Mapping[str, str | None]] = ()) -> None:
        self._values: dict[Place, dict[str, str | None]] = defaultdict(dict)
        self._formats: dict[Place, list[str]] = defaultdict(list)
        for row in rows:
            place = (row["table_name"], row["column_name"])
            if row["time_format"] is None:
                self._values[place][row["raw_value"].lower()] = row["value"]
            else:
                self._formats[place].append(row["time_format"])

    def read(self, table: RawTable, texts: Mapping[str, str]) -> dict[str, str]:
        """The row's filled texts, each replaced once at most."""
        read = {
            name: self._values[table.name, name].get(text.lower(), text)
            for name, text in texts.items()
        }
        return {name: text for name, text in read.items() if text is not None}

    def time_formats(self, table_name: str, column_name: str) -> list[str]:
        """The formats to try before those of the contract."""
        return self._formats[table_name, column_name]


def is_time_format(text: str) -> bool:
    """Of known codes alone, and one at least says a date."""
    codes = set(re.findall(r"%(-?.?)", text, re.DOTALL))
    return codes <= TIME_CODES and bool(codes & DATE_CODES)


def wrong_rows(
    rows: Iterable[Mapping[str, str | None]], tables: Iterable[RawTable]
) -> list[Mapping[str, str | None]]:
    """The rows of raw_values.csv that declare nothing that can be."""
    kinds = {(table.name, column.name): column.kind for table in tables for column in table.columns}
    keys = set()
    wrong = []
    for row in rows:
        place = (row["table_name"], row["column_name"])
        key = (*place, (row["raw_value"] or "").lower(), row["time_format"])
        has_format = row["time_format"] is not None
        is_wrong = (
            place not in kinds
            or has_format == (row["raw_value"] is not None)
            or (has_format and (kinds[place] != "time" or row["value"] is not None))
            or (has_format and not is_time_format(row["time_format"]))
            or key in keys
        )
        keys.add(key)
        if is_wrong:
            wrong.append(row)
    return wrong
