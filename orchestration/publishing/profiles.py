"""Publications without personal data, beside the whole one: `HEALTH_PUBLISH_PROFILES`.

`bi=without,team=pseudonyms` publishes two more folders, `published-bi` and `published-team` beside
`published`, with the same tables and columns, so that queries and dashboards work on each. Marked
columns (`personal_data`) are null there, with these exceptions:

- `pseudonyms` shows a person as a keyed hash: the same person by the same pseudonym in all tables
  and in all runs, as long as the key stays. Details of a person are null, because the pseudonym
  stands beside them.
- A key stays a key: were it null, rows of different people could not be told apart, and null has
  its own meaning in some (no manager). It holds a keyed hash as well; `without` has one of its own
  for each table, so that nobody can be followed from one table into another.
- The value of a signal is shown where the signal is a number or a boolean, and the value is one:
  it may be older than the declaration.

What nobody has described (a table of a user's own, a column that is gone from the models) is left
out: what is not known to be harmless is not shown.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click
import duckdb

from orchestration.base.private_files import group_id, group_of_the_house
from orchestration.base.settings import Settings
from orchestration.publishing.generation import Table
from orchestration.publishing.personal_data import Mark, published_columns
from orchestration.warehouse.duckdb_files import in_memory, literal, quoted

VARIABLE = "HEALTH_PUBLISH_PROFILES"
KEY = "HEALTH_PSEUDONYM_KEY"
KEY_FILE = "HEALTH_PSEUDONYM_KEY_FILE"
SHORTEST_KEY = 16
ROW_KEY_LENGTH = 64  # hexadecimal digits
OWNER = ".profile_of"  # in the generations of a profile: which publication it is beside
NAME = re.compile("[a-z0-9][a-z0-9_-]*")
WAYS = ("without", "pseudonyms")
HASH_LENGTH = 24  # hexadecimal digits: 96 bits, so that two people never share one
BLOCK_SIZE = 64  # of SHA-256, in bytes
# Numbers and booleans, as many as a threshold has.
ONE = r"\s*(true|false|[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)\s*"
NUMBERS = rf"(?i){ONE}(\|{ONE})*"
NUMBER_SIGNALS = """
    select signal_id
    from warehouse.configuration.config_signals
    where value_type in ('number', 'boolean')
"""


@dataclass(frozen=True)
class Profile:
    """A publication for those who must not see personal data.

    way: what stands in its place. group: who may read it; those of HEALTH_GROUP where it is None.
    """

    name: str
    way: str
    group: str | None = None

    @property
    def group_id(self) -> int | None:
        return group_id(self.group, VARIABLE) if self.group else group_of_the_house()

    def folder(self, settings: Settings) -> Path:
        return settings.published.with_name(f"{settings.published.name}-{self.name}")


def profiles_from_environment() -> list[Profile]:
    """The profiles that are asked for. Raises click.ClickException for a wrong setting."""
    asked = os.environ.get(VARIABLE) or ""
    profiles: list[Profile] = []
    for part in asked.split(",") if asked.strip() else ():
        name, _, rest = (text.strip() for text in part.partition("="))
        way, _, group = (text.strip() for text in rest.partition(":"))
        if not NAME.fullmatch(name) or way not in WAYS:
            raise click.ClickException(
                f"{VARIABLE} has {part.strip()!r}; each part names a publication and what stands in"
                f" place of personal data, {' or '.join(f'`{way}`' for way in WAYS)}, such as"
                " `bi=without,team=pseudonyms`, if wanted with the group that may read it"
                " (`bi=without:analysts`). Names are of small letters, digits, - and _."
            )
        if name in [profile.name for profile in profiles]:
            raise click.ClickException(f"{VARIABLE} names {name!r} twice.")
        group_id(group, VARIABLE)
        profiles.append(Profile(name, way, group or None))
    if any(profile.way == "pseudonyms" for profile in profiles):
        pseudonym_key()
    return profiles


def previous_profiles(settings: Settings, profiles: Collection[Profile]) -> list[Path]:
    """Folders of publications that are not asked for any more: no run brings them up to date.

    Only those that say to be of this installation: `published-eu-bi` may be the profile `bi` of one
    that publishes in `published-eu`.
    """
    known = {profile.folder(settings) for profile in profiles}
    beside = settings.published.parent.glob(f"{settings.published.name}-*/.generations/*/{OWNER}")
    owned = {path.parents[2] for path in beside if path.read_bytes() == owner(settings)}
    return sorted(owned - known)


def owner(settings: Settings) -> bytes:
    """What is noted in the generations of profiles: the name of the folder that they lie beside,
    which stays true where the installation is moved."""
    return os.fsencode(settings.published.name)


def pseudonym_key() -> bytes:
    """The secret behind pseudonyms. Raises click.ClickException where there is none.

    No message shows any of it.
    """
    file = os.environ.get(KEY_FILE)
    if file and os.environ.get(KEY):
        raise click.ClickException(f"{KEY} and {KEY_FILE} are both set; keep one.")
    try:
        key = Path(file).read_bytes().strip() if file else os.environ.get(KEY, "").encode()
    except OSError as problem:
        raise click.ClickException(
            f"{KEY_FILE} is {file}, which cannot be read: {problem.strerror}."
        ) from problem
    if len(key) < SHORTEST_KEY:
        raise click.ClickException(
            f"Pseudonyms need a secret of at least {SHORTEST_KEY} characters that stays the same:"
            f" put it into a file that {KEY_FILE} names (`openssl rand -hex 32` makes one), or into"
            f" {KEY}."
        )
    return key


def key_of_rows(settings: Settings) -> bytes:
    """The secret behind keys of rows in `without`, made once; a new one changes these alone."""
    file = settings.state / "row_key"
    if file.exists() and len(key := file.read_bytes()) >= ROW_KEY_LENGTH:
        return key
    settings.state.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    key = secrets.token_hex(ROW_KEY_LENGTH // 2).encode()
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as f:
        f.write(key)
        f.flush()
        os.fsync(f.fileno())  # a machine that stops must not leave an empty one: no secret
    unfinished.replace(file)
    return key


class PersonalDataHidden:
    """What a publication shows of the warehouse, in the way of a profile."""

    def __init__(self, settings: Settings, profile: Profile) -> None:
        self.profile = profile
        self.columns = published_columns()
        hides_all = profile.way == "without"
        self.key = key_of_rows(settings) if hides_all else pseudonym_key()

    @property
    def identity(self) -> str:
        """The same where the same is hidden in the same way: a file that was begun with another
        one must not be gone on with, because bytes of deleted rows stay in it."""
        marks = sorted(
            (table, column, mark.kind, mark.is_key)
            for table, columns in self.columns.items()
            for column, mark in columns.items()
            if mark
        )
        text = json.dumps([self.profile.way, marks])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def shown(
        self, connection: duckdb.DuckDBPyConnection, relations: Mapping[str, Table]
    ) -> dict[str, Table]:
        """The tables or views of the warehouse as readers of the profile get them."""
        for variable, byte in (("inner_key", 0x36), ("outer_key", 0x5C)):
            padded = bytes(value ^ byte for value in block(self.key))
            connection.execute(f"set variable {variable} = ?", [padded])
        numbers = number_signals(connection)
        return {
            name: self.shown_table(table, numbers)
            for name, table in relations.items()
            if name in self.columns
        }

    def shown_table(self, table: Table, numbers: str) -> Table:
        described = self.columns[table.name]
        marks = {name: described.get(name, Mark("record")) for name in table.columns}
        hidden = {
            name: self.expression(table, name, mark, numbers)
            for name, mark in marks.items()
            if mark
        }
        if not hidden or table.kind == "view":  # which shows what its tables show
            return table
        listed = ", ".join(
            f"{hidden[name]} as {quoted(name)}" if name in hidden else quoted(name)
            for name in table.columns
        )
        nullable = [name for name, mark in marks.items() if mark and not mark.is_key]
        return replace(
            table,
            definition=without_not_null(table, nullable),
            shown=f"(select {listed} from {table.rows})",
        )

    def expression(self, table: Table, column: str, mark: Mark, numbers: str) -> str:
        """SQL of what is shown in place of a marked column."""
        name = quoted(column)
        if mark.kind == "person" and self.profile.way == "pseudonyms":
            hidden = keyed_hash(f"lower({name})")
        elif mark.is_key:
            hidden = keyed_hash(f"{literal(table.name + ': ')} || {name}")
        else:
            hidden = f"case when false then {name} end"  # null of its type
        if mark.kind == "signal_value" and "signal_id" in table.columns:
            is_shown = f"signal_id in ({numbers}) and regexp_full_match({name}, {literal(NUMBERS)})"
            return f"case when {is_shown} then {name} else {hidden} end"
        if mark.kind == "signal_value" and "value_type" in table.columns:
            return f"case when value_type = 'boolean' then {name} else {hidden} end"
        return hidden


def block(key: bytes) -> bytes:
    """A key of any length as HMAC takes it (RFC 2104)."""
    short = key if len(key) <= BLOCK_SIZE else hashlib.sha256(key).digest()
    return short.ljust(BLOCK_SIZE, b"\0")


def keyed_hash(text: str) -> str:
    """SQL of HMAC-SHA256 of a text; null for null. The key is in variables of the connection, so
    that no statement shows it."""
    inner = f"sha256(getvariable('inner_key') || encode({text}))"
    return f"left(sha256(getvariable('outer_key') || unhex({inner})), {HASH_LENGTH})"


def number_signals(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL of the signals whose values tell of no person: none where the configuration is gone."""
    is_there = connection.execute(
        """
        select count(*)
        from duckdb_tables()
        where
            database_name = 'warehouse'
            and schema_name = 'configuration'
            and table_name = 'config_signals'
        """
    ).fetchall()
    return NUMBER_SIGNALS if is_there == [(1,)] else "null"


def without_not_null(table: Table, columns: list[str]) -> str:
    """The definition of a table in which these columns may be null."""
    with in_memory() as scratch:
        scratch.execute("create schema health")
        scratch.execute(table.definition)
        for column in columns:
            scratch.execute(
                f"alter table health.{quoted(table.name)} alter column {quoted(column)}"
                " drop not null"
            )
        [(definition,)] = scratch.execute("select sql from duckdb_tables()").fetchall()
    return definition
