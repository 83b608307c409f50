"""Site: the pages of a date as files that link to each other, without a server."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import click
from rich.progress import Progress as ProgressBar

from orchestration.pages import account, accounts, changes, trend, trust
from orchestration.pages.filters import Query, chosen
from orchestration.pages.people import Person
from orchestration.pages.rendering import STATIC, rendered
from orchestration.pages.visit import Visit
from orchestration.pages.words import STATES
from orchestration.publishing.open_publication import Snapshot

MARK = "publication.json"  # says of what a site is, and that its folder is one
PAGES: dict[str, Callable[[Visit], dict[str, Any]]] = {
    "/trend": trend.page,
    "/changes": changes.page,
    "/trust": trust.page,
}
PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
# Names of devices on Windows, whatever their ending.
DEVICES = re.compile(r"con|prn|aux|nul|(com|lpt)\d")


class Site:
    """Which pages there are and what their files are called; links lead to no others."""

    def __init__(self, snapshot: Snapshot, person: Person, filters: Sequence[tuple[str, str]]):
        self.snapshot = snapshot
        self.person = replace(person, may_enter=False)
        self.filters = filters
        asked = chosen(Query(filters), snapshot, person.visible)
        self.words = asked.words
        found = snapshot.rows(
            "select account_id, overall_state from health.account_health as accounts"
            f" where {asked.sql} order by account_id",
            asked.values,
        )
        self.files = {
            "/static/pages.css": "pages.css",
            "/accounts.csv": "accounts.csv",
            **{address: f"{address[1:]}.html" for address in PAGES},
        }
        for state in ("", *STATES):
            listed = sum(state in ("", row["overall_state"]) for row in found)
            for number in range(1, max(1, -(-listed // accounts.PER_PAGE)) + 1):
                pairs = [("state", state), ("page", str(number) if number > 1 else "")]
                kept = [(name, value) for name, value in pairs if value]
                name = "-".join(["accounts", *(value for _, value in kept)]) if kept else "index"
                self.files[plain_address("/", kept)] = f"{name}.html"
        self.accounts = [row["account_id"] for row in found]
        for one in self.accounts:
            self.files[f"/accounts/{quote(one, safe='')}"] = f"accounts/{file_name(one)}"

    def link_from(self, file: str) -> Callable[[str], str]:
        """How a page in that file writes addresses: relative, and nothing for what is not there."""

        def link(address: str) -> str:
            path, _, text = address.partition("?")
            pairs = parse_qsl(text)
            if not path:
                return f"#{quote(Query(pairs).get('tab'))}"
            implied = [*self.filters, ("match", "all"), ("page", "1")]
            rest = [pair for pair in pairs if pair not in implied]
            to = self.files.get(plain_address(path, rest))
            return "../" * file.count("/") + quote(to) if to else ""

        return link

    def content(self, address: str) -> str:
        """What stands in the file of an address."""
        path, _, text = address.partition("?")
        query = Query([*self.filters, *parse_qsl(text)])
        link = self.link_from(self.files[address])
        visit = Visit(self.snapshot, query, self.person, link, is_live=False)
        if path == "/static/pages.css":
            return (STATIC / "pages.css").read_text(encoding="utf-8")
        if path == "/accounts.csv":
            return accounts.as_csv(visit)
        if path == "/":
            return rendered("accounts", visit, accounts.page(visit))
        if path in PAGES:
            return rendered(path[1:], visit, PAGES[path](visit))
        data = account.page(visit, unquote(path.removeprefix("/accounts/")), "")
        assert data is not None
        return rendered("account", visit, data)

    @property
    def mark(self) -> str:
        """Of which date and publication the site is, and of which accounts."""
        said = {
            "health_date": str(self.snapshot.last_date),
            "published_at": self.snapshot.published_at.isoformat(),
            "run_id": self.snapshot.run_id,
            "accounts": len(self.accounts),
            "filters": self.words,
            "shown_to": self.person.name,
        }
        return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def plain_address(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(sorted(pairs))}" if pairs else path


def file_name(account_id: str) -> str:
    """The name of an account's file: no path, and no other account's on any file system.

    Of an id that is not plain as a name it keeps what is, and a hash; `~` stands in no plain one.
    """
    if PLAIN.fullmatch(account_id) and not DEVICES.fullmatch(account_id):
        return f"{account_id}.html"
    readable = re.sub("[^a-z0-9]+", "-", account_id.lower()).strip("-")[:40]
    return f"{readable}~{hashlib.sha256(account_id.encode()).hexdigest()[:24]}.html"


def write(site: Site, folder: Path, progress: ProgressBar) -> None:
    """Write all files beside the folder, then put them in its place."""
    unfinished, previous = (folder.with_name(f".{folder.name}.{end}") for end in ("new", "old"))
    if previous.exists() and not folder.exists():
        previous.rename(folder)  # a run that was stopped between the two renames below
    for left in (unfinished, previous):
        shutil.rmtree(left, ignore_errors=True)
    (unfinished / "accounts").mkdir(parents=True)
    for address, file in progress.track(site.files.items(), description="Writing pages"):
        (unfinished / file).write_text(site.content(address), encoding="utf-8", newline="")
    (unfinished / MARK).write_text(site.mark, encoding="utf-8")
    if folder.exists():
        folder.rename(previous)
    unfinished.rename(folder)
    shutil.rmtree(previous, ignore_errors=True)


def refuse_other_folder(folder: Path) -> None:
    """Only a folder that is empty or holds a site is replaced."""
    if folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir())):
        return
    if folder.exists():
        raise click.ClickException(
            f"{folder} is there and no site: name a new folder, or one that `health site` made."
        )
