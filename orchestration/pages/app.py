"""The application: which address is answered by which page."""

import secrets
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import click
import duckdb
from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
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
from orchestration.pages.filters import Query
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
YEAR = 365 * 24 * 3600
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


class Pages:
    """The pages of one warehouse's publications."""

    def __init__(self, settings: Settings, sign_in: SignIn) -> None:
        self.settings = settings
        self.sign_in = sign_in
        self.publications = Publications(settings)
        self.environment = templates()

    def render(
        self, page: str, snapshot: Snapshot, query: Query, person: Person, **values: Any
    ) -> str:
        return self.environment.get_template(f"{page}.html.jinja").render(
            page=page,
            snapshot=snapshot,
            query=query,
            person=person,
            names=snapshot.configuration,
            **values,
        )

    def answer(self, page: Callable[[Request, Snapshot, Query, Person], Response]) -> Any:
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
                return page(request, snapshot, Query(request.query_params.multi_items()), person)
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

    def problem(self, status: int, text: str) -> HTMLResponse:
        template = self.environment.get_template("problem.html.jinja")
        return HTMLResponse(template.render(page="", text=text), status)

    # The pages

    def accounts(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        mine = unquote(request.cookies.get("manager", ""))
        if not query.pairs and mine:
            return RedirectResponse("/" + Query([("manager", mine)]).filters, 303)
        if query.get("remember"):
            answer: Response = RedirectResponse("/" + query.with_(remember=None), 303)
            # A link on another site remembers nothing.
            if request.headers.get("sec-fetch-site", "same-origin") == "same-origin":
                manager = quote(query.get("manager"))
                answer.set_cookie("manager", manager, max_age=YEAR, samesite="lax", httponly=True)
            return answer
        data = accounts.page(snapshot, query, person.visible)
        data |= {"mine": mine, "moved": accounts.moved, "plain_shown": accounts.PLAIN_SHOWN}
        return HTMLResponse(self.render("accounts", snapshot, query, person, **data))

    def accounts_csv(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        name = f"accounts-{snapshot.last_date}.csv"
        return Response(
            "".join(accounts.as_csv(snapshot, query, person.visible)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def account(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        return self.account_page(request, snapshot, query, person)

    def account_page(
        self,
        request: Request,
        snapshot: Snapshot,
        query: Query,
        person: Person,
        problem: str = "",
        form: dict[str, str] | None = None,
    ) -> Response:
        asked = request.path_params["account"]
        if not self.may_see(snapshot, person, asked):
            return self.problem(404, f"No account of yours has the id {escaping.line(asked)}.")
        try:
            day = date.fromisoformat(query.get("date"))
        except ValueError:
            day = snapshot.last_date
        data = account.page(snapshot, asked, day, query.get("tab"), person.visible)
        if data is None:
            return self.problem(404, f"No account has the id {escaping.line(asked)}.")
        cookie = request.cookies.get(guard.COOKIE) or secrets.token_urlsafe(24)
        data |= {
            "pending": entries.pending(self.settings, asked, snapshot),
            "token": guard.token(cookie, person.name),
            "problem": problem,
            "form": form or {},
            "tag_kinds": entries.TAG_KINDS,
        }
        answer = HTMLResponse(
            self.render("account", snapshot, query, person, **data), 400 if problem else 200
        )
        answer.set_cookie(guard.COOKIE, cookie, samesite="strict", httponly=True)
        return answer

    def may_see(self, snapshot: Snapshot, person: Person, asked: str) -> bool:
        if person.visible is None:
            return True
        return bool(
            snapshot.rows(
                "select 1 from health.account_health as accounts where account_id = ?"
                f" and {person.visible.sql}",
                [asked, *person.visible.values],
            )
        )

    def trend(self, request: Request, snapshot: Snapshot, query: Query, person: Person) -> Response:
        data = trend.page(snapshot, query, person.visible)
        data["choices"] = accounts.choices(snapshot, person.visible)
        return HTMLResponse(self.render("trend", snapshot, query, person, **data))

    def trend_accounts(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        data = trend.listed(snapshot, query, person.visible)
        return HTMLResponse(self.render("trend_accounts", snapshot, query, person, **data))

    def changes(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        before, _, latest = request.cookies.get("looked", "").partition(".")
        if latest != str(snapshot.last_date):
            before, latest = latest, str(snapshot.last_date)
        try:
            looked = date.fromisoformat(before)
        except ValueError:
            looked = None
        data = changes.page(snapshot, query, person.visible, looked)
        data["choices"] = accounts.choices(snapshot, person.visible)
        answer = HTMLResponse(self.render("changes", snapshot, query, person, **data))
        answer.set_cookie(
            "looked", f"{before}.{latest}", max_age=YEAR, samesite="lax", httponly=True
        )
        return answer

    def trust(self, request: Request, snapshot: Snapshot, query: Query, person: Person) -> Response:
        data = trust.page(snapshot, person.visible)
        return HTMLResponse(self.render("trust", snapshot, query, person, **data))

    def publication(
        self, request: Request, snapshot: Snapshot, query: Query, person: Person
    ) -> Response:
        """Which publication is the present one, for a page that shows an older one."""
        return JSONResponse({"publication": snapshot.key})

    async def enter(self, request: Request) -> Response:
        """Take an entry of an account, or say what is wrong with it beside what was written."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return PlainTextResponse("The form is too long.", 413)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))

        def take(request: Request, snapshot: Snapshot, query: Query, person: Person) -> Response:
            asked = request.path_params["account"]
            cookie = request.cookies.get(guard.COOKIE, "")
            if not person.may_enter:
                return self.problem(403, f"{person.name} may read these pages, and not enter.")
            problem = ""
            if not guard.is_token(form.get("token", ""), cookie, person.name):
                problem = "The page was open too long. Nothing was entered; send it again."
            elif not self.may_see(snapshot, person, asked) or not snapshot.rows(
                "select 1 from health.account_health where account_id = ?", [asked]
            ):
                return self.problem(404, "No account in scope has this id; nothing was entered.")
            else:
                try:
                    overrides = entries.overrides_of(self.settings, asked, snapshot)
                    entry = entries.checked(form, snapshot, overrides)
                    entries.write(self.settings, asked, person.name, entry)
                except entries.Refused as refused:
                    problem = f"{refused} Nothing was entered."
                except OSError as refused:
                    problem = (
                        f"The entry cannot be written ({refused.strerror}): {self.settings.raw}."
                    )
            if problem:
                return self.account_page(
                    request, snapshot, Query([("tab", "risk")]), person, problem, form
                )
            return RedirectResponse(f"/accounts/{quote(asked, safe='')}?tab=risk", 303)

        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(self.answer(take), request)


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
