"""Visit: what is asked for, by whom, and what answers it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
import duckdb
from jinja2 import UndefinedError

from orchestration.pages.filters import ALL, Clause, Query
from orchestration.pages.people import Person
from orchestration.publishing.open_publication import Snapshot
from orchestration.publishing.personal_data import missing_columns
from orchestration.warehouse.configuration import Configuration

# What asking for a table or column that is not there ends with: in SQL, a row or a template.
NOT_THERE = (duckdb.BinderException, duckdb.CatalogException, KeyError, UndefinedError)


@dataclass(frozen=True)
class Visit:
    """The publication and the state of a page that is asked for; all of it goes to its template.

    link: how an address of a page is written; empty for one that is not there. is_live: whether a
    server answers, so that forms can be sent.
    """

    snapshot: Snapshot
    query: Query
    person: Person
    link: Callable[[str], str] = str
    is_live: bool = True

    @property
    def names(self) -> Configuration:
        """The configuration of the latest health date, which knows the names."""
        return self.snapshot.configuration

    @property
    def visible(self) -> Clause:
        return self.person.visible

    def may_see(self, account: str) -> bool:
        """Whether the person may see the account; those that are out of scope only who sees all."""
        if self.visible == ALL:
            return True
        sql = "select 1 from health.account_health as accounts where account_id = ? and "
        return bool(self.snapshot.rows(sql + self.visible.sql, [account, *self.visible.values]))


@contextmanager
def in_words_of_versions(snapshot: Snapshot) -> Iterator[None]:
    """Says it where a page shows what an earlier version did not publish yet."""
    try:
        yield
    except NOT_THERE as problem:
        missing = missing_columns(snapshot.connection.cursor())
        asked = [one for one in missing if one.rpartition(".")[2] in str(problem)]
        if not asked:
            raise
        raise click.ClickException(
            f"What is published is of an earlier version, {snapshot.product_version}: it has no"
            f" {asked[0]} yet, which this page shows. The next run brings it (`health run`)."
        ) from problem
