"""Visit: what is asked for, by whom, and what answers it."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.pages.filters import ALL, Clause, Query
from orchestration.pages.people import Person
from orchestration.pages.snapshot import Snapshot
from orchestration.warehouse.configuration import Configuration


def as_it_is(address: str) -> str:
    return address


@dataclass(frozen=True)
class Visit:
    """The publication and the state of a page that is asked for; all of it goes to its template.

    link: how an address of a page is written; empty for one that is not there. is_live: whether a
    server answers, so that forms can be sent.
    """

    snapshot: Snapshot
    query: Query
    person: Person
    link: Callable[[str], str] = as_it_is
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
