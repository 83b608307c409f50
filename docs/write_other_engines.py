"""`make engines`: what sqlglot cannot say of the models in the SQL of other engines.

Compiles every model for DuckDB, turns it into each engine's SQL, has sqlglot read that again, and
writes the counts into other_engines.md. A lint: no engine is asked.
"""

import logging
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlglot
from sqlglot import Dialect, ErrorLevel, exp

from orchestration.dbt_runner.dbt_build import copied_project
from orchestration.sample_data import write_sample

DOCS = Path(__file__).parent
PAGE = DOCS / "other_engines.md"
PART = re.compile(r"(<!-- counted -->\n).*?(<!-- end -->)", re.DOTALL)
ENGINES = {
    "databricks": "Databricks",
    "snowflake": "Snowflake",
    "bigquery": "BigQuery",
    "postgres": "PostgreSQL",
}
NOT_READ = "what sqlglot writes, it cannot read again"
FAILS = "sqlglot itself fails"
UNKNOWN = "a function that sqlglot does not know stays as it is: "

# Models by what cannot be said in them.
Kinds = Mapping[str, set[str]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="engines-") as folder:
        models = compiled_models(Path(folder))
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), counted(models)), encoding="utf-8")


def compiled_models(folder: Path) -> dict[str, exp.Expression]:
    """Every model as dbt compiles it for DuckDB, in a fresh warehouse of a small sample."""
    write_sample(folder / "raw", accounts=5, days=5)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HEALTH_RAW_DIR": str(folder / "raw"),
        "HEALTH_DB_PATH": str(folder / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "--quiet", "compile"],
        cwd=copied_project(folder / "checkout", DOCS.parent / "seeds"),
        env=environment,
        check=True,
    )
    models = folder / "target" / "compiled" / "health" / "models"
    # Tests of a YAML file lie in a folder of its name.
    return {
        file.stem: sqlglot.parse_one(file.read_text(encoding="utf-8"), read="duckdb")
        for file in sorted(models.rglob("*.sql"))
        if not any(parent.suffix == ".yml" for parent in file.parents)
    }


def counted(models: Mapping[str, exp.Expression]) -> str:
    """A table of the models that fail, by engine and kind."""
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    kinds = {engine: kinds_of(models, engine) for engine in ENGINES}
    rows = [
        ("**models that fail**, of " + str(len(models)), [failing(of) for of in kinds.values()]),
        *(
            (kind, [len(of.get(kind, ())) for of in kinds.values()])
            for kind in sorted({kind for of in kinds.values() for kind in of}, key=order)
        ),
    ]
    names = ["", *ENGINES.values()]
    lines = [row_of(names), row_of(["---"] * len(names))]
    lines += [row_of([name, *(str(count or "") for count in counts)]) for name, counts in rows]
    return "\n".join(lines)


def order(kind: str) -> tuple[bool, str]:
    """What may well be there in an engine comes last."""
    return kind.startswith(UNKNOWN), kind


def row_of(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def failing(kinds: Kinds) -> int:
    return len(
        {model for kind, of in kinds.items() if not kind.startswith(UNKNOWN) for model in of}
    )


def kinds_of(models: Mapping[str, exp.Expression], engine: str) -> Kinds:
    kinds: dict[str, set[str]] = defaultdict(set)
    for name, model in models.items():
        for kind in kinds_in(model, engine):
            kinds[kind].add(name)
    return kinds


def kinds_in(model: exp.Expression, engine: str) -> Iterator[str]:
    """What cannot be said of the model in the engine's SQL."""
    for function in model.find_all(exp.Anonymous):
        yield f"{UNKNOWN}`{function.name.lower()}`"
    generator = Dialect.get_or_raise(engine).generator(unsupported_level=ErrorLevel.IGNORE)
    try:
        sql = generator.generate(model)
    except AttributeError:
        yield FAILS
        return
    yield from (message.strip(".") for message in generator.unsupported_messages if message)
    try:
        sqlglot.parse_one(sql, read=engine)
    except sqlglot.ParseError:
        yield NOT_READ


def renewed(page: str, table: str) -> str:
    return PART.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page)


if __name__ == "__main__":
    main()
