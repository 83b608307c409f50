"""People: who is asking, and what they may see and enter.

On this machine alone nobody signs in. On any other address a reverse proxy says who it is, or an
OpenID Connect provider does; the file of people says what each may do.
"""

import csv
import getpass
import os
from dataclasses import dataclass
from pathlib import Path

import click
from starlette.requests import Request

from orchestration.pages.filters import ALL, Clause

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ANYBODY = "*"


@dataclass(frozen=True)
class Person:
    """name: as the entries say it. may_enter: whether they may write. own_only: whether they see
    the accounts of which they are the success manager, and no others."""

    name: str
    may_enter: bool = True
    own_only: bool = False

    @property
    def visible(self) -> Clause:
        """The accounts that they may see."""
        if not self.own_only:
            return ALL
        return Clause("your own", "lower(accounts.csm_email) = lower(?)", [self.name])


@dataclass(frozen=True)
class SignIn:
    """How people are known: by this machine alone, by a proxy's header, or by OpenID Connect."""

    user: str = ""
    header: str = ""
    proxies: frozenset[str] = frozenset()
    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    address: str = ""  # by which people reach the pages, where that is not what a request says
    people: Path | None = None

    @classmethod
    def from_environment(cls) -> "SignIn":
        """HEALTH_PAGES_USER; HEALTH_PAGES_HEADER with HEALTH_PAGES_PROXIES; HEALTH_OIDC_ISSUER,
        HEALTH_OIDC_CLIENT_ID and HEALTH_OIDC_CLIENT_SECRET; HEALTH_PAGES_ADDRESS;
        HEALTH_PAGES_PEOPLE."""
        environment = os.environ.get
        proxies = environment("HEALTH_PAGES_PROXIES", "").split(",")
        found = cls(
            user=environment("HEALTH_PAGES_USER", "") or getpass.getuser(),
            header=environment("HEALTH_PAGES_HEADER", ""),
            proxies=frozenset(proxy.strip() for proxy in proxies if proxy.strip()),
            issuer=environment("HEALTH_OIDC_ISSUER", "").rstrip("/"),
            client_id=environment("HEALTH_OIDC_CLIENT_ID", ""),
            client_secret=environment("HEALTH_OIDC_CLIENT_SECRET", ""),
            address=environment("HEALTH_PAGES_ADDRESS", "").rstrip("/"),
            people=Path(file) if (file := environment("HEALTH_PAGES_PEOPLE")) else None,
        )
        if found.header and not found.proxies:
            raise click.ClickException(
                "HEALTH_PAGES_HEADER needs HEALTH_PAGES_PROXIES, the addresses of the proxies whose"
                " header is believed: anybody else could write it as well."
            )
        if found.header and found.issuer:
            raise click.ClickException(
                "Sign-in is either by HEALTH_PAGES_HEADER or by HEALTH_OIDC_ISSUER; unset one."
            )
        if found.issuer and not (found.client_id and found.client_secret):
            raise click.ClickException(
                "HEALTH_OIDC_ISSUER needs HEALTH_OIDC_CLIENT_ID and HEALTH_OIDC_CLIENT_SECRET."
            )
        if found.issuer and found.people is None:
            raise click.ClickException(
                "HEALTH_OIDC_ISSUER needs HEALTH_PAGES_PEOPLE: the provider may know everybody."
            )
        found.rights()
        return found

    @property
    def is_configured(self) -> bool:
        return bool(self.header or self.issuer)

    def rights(self) -> dict[str, Person]:
        """What the file of people says of each, by the name in lower case; {} without a file."""
        if self.people is None:
            return {}
        try:
            with self.people.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines))
        except OSError as problem:
            raise click.ClickException(f"HEALTH_PAGES_PEOPLE: {problem}.") from problem
        found = {}
        for number, row in enumerate(rows, start=2):
            name, may, sees = (
                (row.get(column) or "").strip() for column in ("person", "may_enter", "accounts")
            )
            if not name or may not in ("true", "false") or sees not in ("all", "own"):
                raise click.ClickException(
                    f"HEALTH_PAGES_PEOPLE, line {number} of {self.people}: person, may_enter (true"
                    " or false) and accounts (all or own) are needed."
                )
            found[name.lower()] = Person(name, may == "true", sees == "own")
        return found

    def name_of(self, request: Request) -> str | None:
        """Who the request says it is from; None where it says so nowhere that is believed."""
        if self.header:
            sender = request.client.host if request.client else ""
            said = request.headers.getlist(self.header)
            # Twice: somebody wrote it before the proxy did.
            return said[0] or None if sender in self.proxies and len(said) == 1 else None
        if self.issuer:
            return request.session.get("person")
        return self.user

    def person(self, name: str) -> Person | None:
        """What they may do; None: nothing. Who is in no file, where there is one, may do what its
        row `*` says."""
        if self.people is None:
            return Person(name)
        rights = self.rights()
        known = rights.get(name.lower()) or rights.get(ANYBODY)
        return Person(name, known.may_enter, known.own_only) if known else None


def refuse_open_address(host: str, sign_in: SignIn) -> None:
    """Another address than this machine's own is listened on only when people sign in."""
    if host not in LOOPBACK and not sign_in.is_configured:
        raise click.ClickException(
            f"{host} can be reached from elsewhere, and nobody signs in: set HEALTH_PAGES_HEADER"
            " with HEALTH_PAGES_PROXIES, or HEALTH_OIDC_ISSUER (docs/pages.md), or leave --host"
            " away."
        )
