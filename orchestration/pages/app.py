"""The application: which address is answered by which page."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import click
import duckdb
from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orchestration.base import escaping
from orchestration.base.settings import ROOT, Settings
from orchestration.pages import (
    account,
    accounts,
    changes,
    entries,
    guard,
    open_id,
    trend,
    trust,
    words,
)
from orchestration.pages.filters import Clause, Query
from orchestration.pages.people import Person, SignIn
from orchestration.pages.snapshot import Publications, Snapshot
from orchestration.warehouse import damage

STATIC = ROOT / "orchestration" / "pages" / "static"
TITLES = {
    "accounts": "Accounts",
    "trend": "Trend",
    "changes": "What changed",
    "trust": "Can I trust it",
}
# A cookie of what a browser remembers of its own, for a year.
KEPT: Any = {"max_age": 365 * 24 * 3600, "samesite": "lax", "httponly": True}
LONGEST_FORM = 20_000  # bytes


def templates() -> Environment:
    """The templates; what they write is text, never markup, unless we made it."""
    environment = Environment(
        loader=PackageLoader("orchestration.pages"), autoescape=True, finalize=words.plain
    )
    environment.filters.update(
        day=words.day,
        money=words.money,
        number=words.number,
        percent=words.percent,
        score=words.score,
        spaced=words.spaced,
        strip=words.strip,
        path=lambda text: quote(str(text), safe=""),
    )
    environment.globals.update(STATES=words.STATES, CAUSES=words.CAUSES, TITLES=TITLES)
    return environment


@dataclass(frozen=True)
class Visit:
    """One request: what was asked for, by whom, and the publication that answers it."""

    request: Request
    snapshot: Snapshot
    query: Query
    person: Person

    @property
    def visible(self) -> Clause | None:
        return self.person.visible

    def may_see(self, account_id: str) -> bool:
        """Whether the person may see the account; those that are out of scope only who sees all."""
        if self.visible is None:
            return True
        sql = "select 1 from health.account_health as accounts where account_id = ? and "
        return bool(self.snapshot.rows(sql + self.visible.sql, [account_id, *self.visible.values]))


class Pages:
    """The pages of one warehouse's publications."""

    def __init__(self, settings: Settings, sign_in: SignIn) -> None:
        self.settings = settings
        self.sign_in = sign_in
        self.publications = Publications(settings)
        self.environment = templates()

    def answer(self, page: Callable[[Visit], Response]) -> Callable[[Request], Response]:
        """A page with what all of them need, or in words why it cannot be shown."""

        def endpoint(request: Request) -> Response:
            snapshot: Snapshot | None = None
            try:
                name = self.sign_in.name_of(request)
                if name is None:
                    return self.nobody(request)
                person = self.sign_in.person(name)
                if person is None:
                    return self.problem(403, f"{name} may not see these pages.")
                snapshot = self.publications.present()
                if not snapshot.dates:
                    return self.problem(503, "The history is empty: `health run` calculates it.")
                query = Query(request.query_params.multi_items())
                return page(Visit(request, snapshot, query, person))
            except click.ClickException as problem:
                return self.problem(503, problem.format_message())
            except duckdb.Error as problem:
                return self.unreadable(snapshot, problem)

        return endpoint

    def nobody(self, request: Request) -> Response:
        """Ask who it is, and come back to what was asked for."""
        if not self.sign_in.issuer:
            return self.problem(403, "Nobody is signed in: the proxy did not say who you are.")
        path = request.scope["raw_path"].decode().removesuffix("/enter")
        asked = "tab=risk" if request.method == "POST" else request.url.query
        return RedirectResponse(f"/sign-in?to={quote(f'{path}?{asked}', safe='')}", 303)

    def unreadable(self, snapshot: Snapshot | None, problem: duckdb.Error) -> Response:
        """What is wrong with what is published, where the program is not."""
        words = damage.of_publication(self.settings, problem)
        if words is None and snapshot is not None and snapshot.is_of_this_version:
            raise problem
        renewed = "What is published is of another version: `health run` renews it."
        return self.problem(503, words or renewed)

    def problem(self, status: int, text: str) -> Response:
        template = self.environment.get_template("problem.html.jinja")
        return HTMLResponse(template.render(page="", text=text), status)

    def show(self, page: str, visit: Visit, data: dict[str, Any], status: int = 200) -> Response:
        template = self.environment.get_template(f"{page}.html.jinja")
        names = visit.snapshot.configuration
        return HTMLResponse(template.render(page=page, names=names, **vars(visit), **data), status)

    # The pages

    def accounts(self, visit: Visit) -> Response:
        query, cookies = visit.query, visit.request.cookies
        mine = unquote(cookies.get("manager", ""))
        if not query.pairs and mine:
            return RedirectResponse("/" + Query([("manager", mine)]).filters, 303)
        if query.get("remember"):
            answer = RedirectResponse("/" + query.with_(remember=None), 303)
            # A link on another site remembers nothing.
            if visit.request.headers.get("sec-fetch-site", "same-origin") == "same-origin":
                answer.set_cookie("manager", quote(query.get("manager")), **KEPT)
            return answer
        data = accounts.page(visit.snapshot, query, visit.visible)
        return self.show("accounts", visit, data | {"moved": accounts.moved})

    def accounts_csv(self, visit: Visit) -> Response:
        name = f"accounts-{visit.snapshot.last_date}.csv"
        return Response(
            "".join(accounts.as_csv(visit.snapshot, visit.query, visit.visible)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def account(
        self, visit: Visit, problem: str = "", form: dict[str, str] | None = None
    ) -> Response:
        asked = visit.request.path_params["account"]
        try:
            day = date.fromisoformat(visit.query.get("date"))
        except ValueError:
            day = visit.snapshot.last_date
        data = None
        if visit.may_see(asked):
            tab = "risk" if problem else visit.query.get("tab")
            data = account.page(visit.snapshot, asked, day, tab, visit.visible)
        if data is None:
            return self.problem(404, f"No account of yours has the id {escaping.line(asked)}.")
        cookie = visit.request.cookies.get(guard.COOKIE) or secrets.token_urlsafe(24)
        data |= {
            "pending": entries.pending(self.settings, asked, visit.snapshot),
            "token": guard.token(cookie, visit.person.name),
            "problem": problem,
            "form": form or {},
            "tag_kinds": entries.TAG_KINDS,
        }
        answer = self.show("account", visit, data, 400 if problem else 200)
        answer.set_cookie(guard.COOKIE, cookie, samesite="strict", httponly=True)
        return answer

    def trend(self, visit: Visit) -> Response:
        data = trend.page(visit.snapshot, visit.query, visit.visible)
        data["choices"] = accounts.choices(visit.snapshot, visit.visible)
        return self.show("trend", visit, data)

    def trend_accounts(self, visit: Visit) -> Response:
        data = trend.listed(visit.snapshot, visit.query, visit.visible)
        return self.show("trend_accounts", visit, data)

    def changes(self, visit: Visit) -> Response:
        before, _, latest = visit.request.cookies.get("looked", "").partition(".")
        if latest != str(visit.snapshot.last_date):
            before, latest = latest, str(visit.snapshot.last_date)
        try:
            looked = date.fromisoformat(before)
        except ValueError:
            looked = None
        data = changes.page(visit.snapshot, visit.query, visit.visible, looked)
        data["choices"] = accounts.choices(visit.snapshot, visit.visible)
        answer = self.show("changes", visit, data)
        answer.set_cookie("looked", f"{before}.{latest}", **KEPT)
        return answer

    def trust(self, visit: Visit) -> Response:
        return self.show("trust", visit, trust.page(visit.snapshot, visit.visible))

    def publication(self, visit: Visit) -> Response:
        """Which publication is the present one, for a page that shows an older one."""
        return JSONResponse({"publication": visit.snapshot.key})

    async def enter(self, request: Request) -> Response:
        """Take an entry of an account, or say what is wrong with it beside what was written."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return PlainTextResponse("The form is too long.", 413)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        answer = self.answer(lambda visit: self.take(visit, form))
        return await run_in_threadpool(answer, request)

    def take(self, visit: Visit, form: dict[str, str]) -> Response:
        asked = visit.request.path_params["account"]
        person, cookie = visit.person, visit.request.cookies.get(guard.COOKIE, "")
        if not person.may_enter:
            return self.problem(403, f"{person.name} may read these pages, and not enter.")
        if not guard.is_token(form.get("token", ""), cookie, person.name):
            text = "The page was open too long. Nothing was entered; send it again."
            return self.account(visit, text, form)
        in_scope = "select 1 from health.account_health where account_id = ?"
        if not visit.may_see(asked) or not visit.snapshot.rows(in_scope, [asked]):
            return self.problem(404, "No account in scope has this id; nothing was entered.")
        try:
            overrides = entries.overrides_of(self.settings, asked, visit.snapshot)
            entry = entries.checked(form, visit.snapshot, overrides)
            entries.write(self.settings, asked, person.name, entry)
        except entries.Refused as refused:
            return self.account(visit, f"{refused} Nothing was entered.", form)
        except OSError as failed:
            text = f"The entry cannot be written to {self.settings.raw} ({failed.strerror})."
            return self.account(visit, text, form)
        return RedirectResponse(f"/accounts/{quote(asked, safe='')}?tab=risk", 303)


def build(settings: Settings, sign_in: SignIn, hosts: frozenset[str]) -> Starlette:
    """The application for a server, or for tests without one."""
    pages = Pages(settings, sign_in)
    answer = pages.answer
    middleware = [
        Middleware(guard.Guard, hosts=hosts, address=sign_in.address),
        Middleware(GZipMiddleware),
    ]
    sign_in_routes: list[Route] = []
    if sign_in.issuer:
        sign_in_routes, cookies = open_id.parts(sign_in, pages.problem)
        middleware += cookies
    routes = [
        *sign_in_routes,
        Route("/", answer(pages.accounts)),
        Route("/accounts.csv", answer(pages.accounts_csv)),
        Route("/accounts/{account:path}/enter", pages.enter, methods=["POST"]),
        Route("/accounts/{account:path}", answer(pages.account)),
        Route("/trend", answer(pages.trend)),
        Route("/trend/accounts", answer(pages.trend_accounts)),
        Route("/changes", answer(pages.changes)),
        Route("/trust", answer(pages.trust)),
        Route("/publication", answer(pages.publication)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            404: lambda request, problem: pages.problem(404, "There is no such page.")
        },
    )
