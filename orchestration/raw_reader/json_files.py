"""JSON: lines of objects (`jsonl`, `ndjson`) or one list of objects (`json`), copied as texts."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestration.raw_reader.copies import look_of_copy, write_copy
from orchestration.raw_reader.looks import Look, Unreadable

LARGEST_EXACT_DOUBLE = 2**53


class Pairs(list):
    """A JSON object: its keys and values in their order, keys that repeat included."""


def number_text(digits: str) -> str:
    """A number with a point or exponent as it stands; a whole one without them."""
    number = float(digits)
    if number.is_integer() and abs(number) <= LARGEST_EXACT_DOUBLE:
        return str(int(number))
    return digits


class Number(str):
    """The text of a number, told from a text."""


DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs,
    parse_float=lambda digits: Number(number_text(digits)),
    parse_int=Number,
    # `NaN` and `Infinity` as a double of Parquet reads.
    parse_constant=lambda name: Number(float(name)),
)


def look_at_json(
    source: Path,
    is_list: bool,
    copy: Path,
    known: Collection[str],
    partitions: Sequence[tuple[str, str | None]],
) -> Look:
    """How to read a file of UTF-8 text. Raises Unreadable."""
    objects = list_of_objects if is_list else lines_of_objects
    names: dict[str, None] = {}
    repeated: dict[str, None] = {}  # of a name that is there twice in an object, the first counts
    for item in objects(source):
        seen = set()
        for key, _ in item:
            name = key.strip().lower()
            (repeated if name in seen else names)[key] = None
            seen.add(name)
    present = dict.fromkeys(name.strip().lower() for name in names)
    columns = [name for name in present if name in known]
    added = [(key, value) for key, value in partitions if key in known and key not in columns]

    def rows() -> Iterator[list[str | None]]:
        for item in objects(source):
            values: dict[str, Any] = {}
            for key, value in item:
                values.setdefault(key.strip().lower(), value)
            yield [text_of(values.get(name)) for name in columns] + [text for _, text in added]

    target = copy.with_suffix(".parquet")
    try:
        count = write_copy(target, [*columns, *(key for key, _ in added)], rows())
    except UnicodeEncodeError as problem:
        raise Unreadable(
            "holds half of a surrogate pair (\\ud800 to \\udfff), which is no text."
            " Export it again."
        ) from problem
    ignored = [name for name in names if name.strip().lower() not in known]
    ignored += [name for name in repeated if name not in names]
    return look_of_copy(target, [*columns, *(key for key, _ in added)], ignored, count)


def text_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(plain(value), ensure_ascii=False)


def plain(value: Any) -> Any:
    """A nested value as ordinary objects and lists."""
    if isinstance(value, Pairs):
        return {key: plain(item) for key, item in value}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Number):
        return float(value) if value.lstrip("-") in ("nan", "inf") else json.loads(value)
    return value


def lines_of_objects(source: Path) -> Iterator[Pairs]:
    with source.open(encoding="utf-8-sig", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield as_object(decoded(line, f"line {number}"), f"line {number}")


def list_of_objects(source: Path) -> Iterable[Pairs]:
    text = source.read_text(encoding="utf-8-sig")
    if not text.strip():
        return []
    value = decoded(text, None)
    if isinstance(value, Pairs) or not isinstance(value, list):
        raise Unreadable(
            "holds no list of objects. Export it as [{...}, {...}]; if each line is an object, name"
            " the file .jsonl."
        )
    return [as_object(item, f"item {number}") for number, item in enumerate(value, start=1)]


def decoded(text: str, place: str | None) -> Any:
    try:
        return DECODER.decode(text.strip())
    except (ValueError, RecursionError) as problem:
        at = place or f"line {getattr(problem, 'lineno', 1)}"
        why = getattr(problem, "msg", "nested too deeply")
        raise Unreadable(
            f"{at}: is no JSON ({why}). Export the file again; a file of one object a line is named"
            " .jsonl, a list of objects .json."
        ) from problem


def as_object(value: Any, place: str) -> Pairs:
    if not isinstance(value, Pairs):
        raise Unreadable(f'{place}: is no JSON object. Each record is {{"column": value, ...}}.')
    return value
