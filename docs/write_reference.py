"""`make reference`: write the parts of the pages that YAML and the catalogue already say.

A page says where with `<!-- generated: NAME -->` and `<!-- end -->`; what stands between is
replaced. Everything else in a page is written by hand. A test fails while a page is stale.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from orchestration.base.dbt_project import catalogue

DOCS = Path(__file__).parent
DBT_PROJECT = DOCS.parent / "dbt_project"
MODELS = DBT_PROJECT / "models"
RAW = MODELS / "staging" / "_staging__sources.yml"
SEEDS = MODELS / "configuration" / "_configuration__seeds.yml"
# Published tables are models, or tables of a source whose schema is theirs; most read first.
FOLDERS = ("latest", "history", "explanations", "records", "data_quality")
PUBLISHED = [
    *(MODELS / "health" / folder / f"_{folder}__models.yml" for folder in FOLDERS),
    *sorted((MODELS / "health").rglob("_*__sources.yml")),
]
SCHEMA = "health"
LAST_60_DAYS = "_last_60_days"  # how the names of views of a history end

PART = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
WINDOWS = {"r": "needed", "o": "optional", "-": "none"}
WITH_NONE = {"zero": "0", "nothing": "null", "account_age": "days since created_at"}

Described = Mapping[str, Any]


def main() -> None:
    for page in sorted(DOCS.glob("*.md")):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(text: str) -> str:
    """The text of a page with its generated parts as they should be.

    Raises ValueError for a part that nothing makes.
    """
    return PART.sub(lambda found: f"{found[1]}\n{part(found[2])}\n\n{found[3]}", text)


def part(name: str) -> str:
    """What is written between the marks of a part: a name of PARTS, or `measures of TABLE, ...`."""
    if name in PARTS:
        return PARTS[name]()
    if name.startswith("measures of "):
        return measures(name.removeprefix("measures of ").split(", "))
    raise ValueError(f"nothing makes the generated part {name!r}; there are {', '.join(PARTS)}")


def raw_tables() -> str:
    """A heading and a table of columns for each raw table."""
    [source] = contents(RAW)["sources"]
    return "\n\n".join(raw_table(table) for table in source["tables"])


def raw_table(table: Described) -> str:
    meta = table["config"]["meta"]
    key = ", ".join(
        f"{column}'s day" if meta_of(column, table).get("key_by_day") else column
        for column in meta["key"]
    )
    return described(
        table["name"],
        f"{table['description']} Key: {key or 'none'}. Main time: {meta['main_time']}.",
        ("column", "required", "kind", "what it is"),
        [
            (
                column["name"],
                required(meta_of(column["name"], table)),
                kind(meta_of(column["name"], table)),
                what_it_is(column),
            )
            for column in table["columns"]
        ],
    )


def meta_of(column: str, table: Described) -> Described:
    [found] = [one for one in table["columns"] if one["name"] == column]
    return found.get("config", {}).get("meta", {})


def required(meta: Described) -> str:
    """Whether a raw column must be filled: in every row, or in those of some kinds."""
    if "required_for" in meta:
        return "for " + ", ".join(f"`{kind_of_row}`" for kind_of_row in meta["required_for"])
    return "yes" if meta.get("required") else ""


def kind(meta: Described) -> str:
    """What a raw column holds, with the words, the range or the start that its values keep to."""
    if "words" in meta:
        others = ", or an id of pillars.csv" if meta.get("words_from") else ""
        return "word: " + ", ".join(f"`{word}`" for word in meta["words"]) + others
    if "ranges" in meta:
        return "number, " + ", ".join(
            f"{low} to {high} for `{word}`" for word, (low, high) in meta["ranges"].items()
        )
    bounds = ""
    if "maximum" in meta:
        bounds = f", {meta['minimum']} to {meta['maximum']}"
    elif "minimum" in meta:
        bounds = f", {meta['minimum']} or more"
    elif "above" in meta:
        bounds = f", above {meta['above']}"
    elif "not_before" in meta:
        bounds = f", not before {meta['not_before']}"
    return meta.get("kind", "text") + bounds


def configuration_files() -> str:
    """A heading and a table of columns for each file of `seeds/`."""
    return "\n\n".join(
        described(
            f"{seed['name']}.csv",
            seed["description"],
            ("column", "what it is"),
            [
                (column["name"], column["description"] + when_empty(column))
                for column in seed["columns"]
            ],
        )
        for seed in contents(SEEDS)["seeds"]
    )


def when_empty(column: Described) -> str:
    """What an empty cell of a column of the configuration stands for, where that is a value."""
    default = column.get("config", {}).get("meta", {}).get("default")
    return "" if default is None else f" {default} when empty."


def measures(tables: Iterable[str]) -> str:
    """The measures whose records are those of the tables, as the catalogue has them; of `metrics`
    those that compare metrics."""
    columns = needed_columns()
    return table_of(
        ("measure", "window", "dimensions", "value", "with none", "missing without"),
        [
            (
                row["measure"],
                WINDOWS[row["window_use"]],
                row["dimensions"].replace("|", ", "),
                row["description"],
                WITH_NONE[row["when_none"]],
                "; ".join(
                    f"{table}: {', '.join(columns[row['measure'], table])}"
                    if (row["measure"], table) in columns
                    else table
                    for table in row["tables"].split("|")
                )
                or "what its base metric is missing without",
            )
            for row in catalogue("measures")
            if (row["tables"] or "metrics").split("|")[0] in tables
        ],
    )


def needed_columns() -> Mapping[tuple[str, str], list[str]]:
    """Columns of a raw table without which a measure is missing, by measure and table."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in catalogue("measure_columns"):
        if row["is_needed"] == "true":
            words = " or ".join(sorted(filter(None, (row["column_name"], row["or_column"]))))
            if words not in found[row["measure"], row["table_name"]]:
                found[row["measure"], row["table_name"]].append(words)
    return found


def list_of_published_tables() -> str:
    return table_of(
        ("table", "what it holds"),
        [(f"[{table['name']}](#{table['name']})", table["description"]) for table in published()],
    )


def published_tables() -> str:
    """A heading and a table of columns for each published table."""
    parts: list[str] = []
    for table in published():
        if table["name"].endswith(LAST_60_DAYS):
            history = table["name"].removesuffix(LAST_60_DAYS) + "_history"
            text = f"{table['description']} Its columns are those of `{history}`."
            parts.append(f"### {table['name']}\n\n{one_line(text)}")
            continue
        rows = [
            (column["name"], column["data_type"] + never_null(column), what_it_is(column))
            for column in table["columns"]
        ]
        header = ("column", "type", "what it is")
        parts.append(described(table["name"], table["description"], header, rows))
    return "\n\n".join(parts)


def published() -> list[Described]:
    """Published tables, as YAML describes them."""
    return [
        table
        for file in PUBLISHED
        for table in [
            *contents(file).get("models", []),
            *(
                table
                for source in contents(file).get("sources", [])
                if source["schema"] == SCHEMA
                for table in source["tables"]
            ),
        ]
    ]


def what_it_is(column: Described) -> str:
    """The description of a column, and the kind of personal data that it may hold."""
    kind_of_data = column.get("config", {}).get("meta", {}).get("pii")
    note = f" Personal data: {kind_of_data}." if kind_of_data else ""
    return column["description"] + note


def never_null(column: Described) -> str:
    constraints = column.get("constraints", [])
    return ", never null" if {"type": "not_null"} in constraints else ""


PARTS: Mapping[str, Callable[[], str]] = {
    "raw tables": raw_tables,
    "configuration files": configuration_files,
    "list of published tables": list_of_published_tables,
    "published tables": published_tables,
}


def described(
    name: str, description: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> str:
    """A heading, what is under it in words, and its columns; one row per column."""
    return f"### {name}\n\n{one_line(description)}\n\n{table_of(header, rows)}"


def table_of(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown; the first cell of a row is a name, and a link stays one."""
    lines = [header, ("---",) * len(header)]
    for name, *others in rows:
        lines.append((name if name.startswith("[") else f"`{name}`", *others))
    return "\n".join(
        "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def one_line(text: str) -> str:
    return " ".join(text.split())


def contents(file: Path) -> Mapping[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
