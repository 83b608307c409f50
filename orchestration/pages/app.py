"""The application: which address is answered by which page."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import click
import duckdb
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
from orchestration.base.settings import Settings
from orchestration.pages import (
    account,
    accounts,
    changes,
    guard,
    open_id,
    rendering,
    trend,
    trust,
)
from orchestration.pages.filters import Query
from orchestration.pages.people import SignIn
from orchestration.pages.rendering import STATIC, rendered
from orchestration.pages.visit import Visit, in_words_of_versions
from orchestration.publishing.open_publication import Publications
from orchestration.raw_reader import entries
from orchestration.warehouse import damage

# A cookie of what a browser remembers of its own, for a year.
KEPT: Any = {"max_age": 365 * 24 * 3600, "samesite": "lax", "httponly": True}
LONGEST_FORM = 20_000  # bytes


class Pages:
    """The pages of one warehouse's publications."""

    def __init__(self, settings: Settings, sign_in: SignIn) -> None:
        self.settings = settings
        self.sign_in = sign_in
        self.publications = Publications(settings)

    def answer(self, page: Callable[[Request, Visit], Response]) -> Callable[[Request], Response]:
        """A page with what all of them need, or in words why it cannot be shown."""

        def endpoint(request: Request) -> Response:
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
                with in_words_of_versions(snapshot):
                    return page(request, Visit(snapshot, query, person))
            except click.ClickException as problem:
                return self.problem(503, problem.format_message())
            except duckdb.Error as problem:
                if (words := damage.of_publication(self.settings, problem)) is None:
                    raise
                return self.problem(503, words)

        return endpoint

    def nobody(self, request: Request) -> Response:
        """Ask who it is, and come back to what was asked for."""
        if not self.sign_in.issuer:
            return self.problem(403, "Nobody is signed in: the proxy did not say who you are.")
        path = request.scope["raw_path"].decode().removesuffix("/enter")
        asked = "tab=risk" if request.method == "POST" else request.url.query
        return RedirectResponse(f"/sign-in?to={quote(f'{path}?{asked}', safe='')}", 303)

    def problem(self, status: int, text: str) -> Response:
        return HTMLResponse(rendering.problem(text), status)

    def show(self, page: str, visit: Visit, data: Mapping[str, Any], status: int = 200) -> Response:
        return HTMLResponse(rendered(page, visit, data), status)

    def shown(
        self, page: str, data_of: Callable[[Visit], Mapping[str, Any]]
    ) -> Callable[[Request], Response]:
        """A page that is nothing but what the address asks for."""
        return self.answer(lambda request, visit: self.show(page, visit, data_of(visit)))

    # The pages

    def accounts(self, request: Request, visit: Visit) -> Response:
        query = visit.query
        mine = unquote(request.cookies.get("manager", ""))
        if not query.pairs and mine:
            return RedirectResponse("/" + Query([("manager", mine)]).filters, 303)
        if query.get("remember"):
            answer = RedirectResponse("/" + query.with_(remember=None), 303)
            # A link on another site remembers nothing.
            if request.headers.get("sec-fetch-site", "same-origin") == "same-origin":
                answer.set_cookie("manager", quote(query.get("manager")), **KEPT)
            return answer
        return self.show("accounts", visit, accounts.page(visit))

    def accounts_csv(self, request: Request, visit: Visit) -> Response:
        name = f"accounts-{visit.snapshot.last_date}.csv"
        return Response(
            accounts.as_csv(visit),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def account(
        self,
        request: Request,
        visit: Visit,
        problem: str = "",
        form: Mapping[str, str] | None = None,
    ) -> Response:
        asked = request.path_params["account"]
        data = account.page(visit, asked, "risk" if problem else visit.query.get("tab"))
        if data is None:
            return self.problem(404, f"No account of yours has the id {escaping.line(asked)}.")
        cookie = request.cookies.get(guard.COOKIE) or secrets.token_urlsafe(24)
        pending = entries.pending(self.settings, asked, visit.snapshot.last_date)
        data |= {
            "pending": pending,
            "back": account.to_take_back(data, pending),
            "token": guard.token(cookie, visit.person.name),
            "problem": problem,
            "form": form or {},
            "tag_kinds": entries.tag_kinds(),
        }
        answer = self.show("account", visit, data, 400 if problem else 200)
        answer.set_cookie(guard.COOKIE, cookie, samesite="strict", httponly=True)
        return answer

    def changes(self, request: Request, visit: Visit) -> Response:
        before, _, latest = request.cookies.get("looked", "").partition(".")
        if latest != str(visit.snapshot.last_date):
            before, latest = latest, str(visit.snapshot.last_date)
        looked = Query([("looked", before)]).day("looked")
        answer = self.show("changes", visit, changes.page(visit, looked))
        answer.set_cookie("looked", f"{before}.{latest}", **KEPT)
        return answer

    def publication(self, request: Request, visit: Visit) -> Response:
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
        answer = self.answer(lambda request, visit: self.take(request, visit, form))
        return await run_in_threadpool(answer, request)

    def take(self, request: Request, visit: Visit, form: dict[str, str]) -> Response:
        asked = request.path_params["account"]
        person, cookie = visit.person, request.cookies.get(guard.COOKIE, "")
        if not person.may_enter:
            return self.problem(403, f"{person.name} may read these pages, and not enter.")
        if not guard.is_token(form.get("token", ""), cookie, person.name):
            text = "The page was open too long. Nothing was entered; send it again."
            return self.account(request, visit, text, form)
        in_scope = "select 1 from health.account_health where account_id = ?"
        if not visit.may_see(asked) or not visit.snapshot.rows(in_scope, [asked]):
            return self.problem(404, "No account in scope has this id; nothing was entered.")
        try:
            entry = entries.checked(form, visit.names.pillars, self.overrides_of(visit, asked))
            entries.write(self.settings, asked, person.name, entry)
        except entries.Refused as refused:
            return self.account(request, visit, f"{refused} Nothing was entered.", form)
        except OSError as failed:
            text = f"The entry cannot be written to {self.settings.raw} ({failed.strerror})."
            return self.account(request, visit, text, form)
        return RedirectResponse(f"/accounts/{quote(asked, safe='')}?tab=risk", 303)

    def overrides_of(self, visit: Visit, account: str) -> set[str]:
        """Ids of the account's overrides, those that are pending too."""
        sql = "select override_id from health.override_history where account_id = ?"
        entered = entries.pending(self.settings, account, visit.snapshot.last_date)
        return {row["override_id"] for row in visit.snapshot.rows(sql, [account])} | {
            f"entry:{row['entry_id']}" for row in entered if row["kind"] == "override"
        }


def build(settings: Settings, sign_in: SignIn, hosts: frozenset[str]) -> Starlette:
    """The application for a server, or for tests without one."""
    pages = Pages(settings, sign_in)
    answer = pages.answer
    middleware = [
        Middleware(guard.Guard, hosts=hosts, address=sign_in.address),
        Middleware(GZipMiddleware, compresslevel=4),
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
        Route("/trend", pages.shown("trend", trend.page)),
        Route("/trend/accounts", pages.shown("trend_accounts", trend.listed)),
        Route("/changes", answer(pages.changes)),
        Route("/trust", pages.shown("trust", trust.page)),
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
