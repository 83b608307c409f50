"""OpenID Connect: people sign in at a provider, by Authlib (the extra `sign-in`)."""

import secrets
from collections.abc import Callable

import click
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.pages.people import SignIn

HOURS = 12  # until people sign in again


def parts(
    sign_in: SignIn, problem: Callable[[int, str], Response]
) -> tuple[list[Route], list[Middleware]]:
    """The addresses at which people sign in and out, and the cookie that says who they are."""
    try:
        from authlib.integrations.base_client.errors import OAuthError
        from authlib.integrations.starlette_client import OAuth
        from joserfc.errors import JoseError
        from starlette.middleware.sessions import SessionMiddleware
    except ImportError as missing:
        raise click.ClickException(
            "OpenID Connect needs the extra `sign-in`: pip install 'account-health[sign-in]'."
        ) from missing
    provider = OAuth().register(
        "provider",
        server_metadata_url=f"{sign_in.issuer}/.well-known/openid-configuration",
        client_id=sign_in.client_id,
        client_secret=sign_in.client_secret,
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
    )

    async def begin(request: Request) -> Response:
        to = request.query_params.get("to", "/")
        # A path of ours, never the address of another site.
        request.session["to"] = to if to.startswith("/") and to[1:2] not in ("/", "\\") else "/"
        back = f"{sign_in.address or str(request.base_url).rstrip('/')}/signed-in"
        return await provider.authorize_redirect(request, back)

    async def end(request: Request) -> Response:
        try:
            token = await provider.authorize_access_token(request)
        except (OAuthError, JoseError) as refused:
            return problem(403, f"The provider did not sign you in: {refused.error}.")
        claims = token.get("userinfo") or {}
        if not claims.get("email") or claims.get("email_verified") is not True:
            return problem(403, "The provider names no verified address of yours.")
        to = request.session.pop("to", "/")
        request.session.clear()
        request.session["person"] = claims["email"]
        return RedirectResponse(to, 303)

    async def out(request: Request) -> Response:
        request.session.clear()
        return problem(200, "You are signed out.")

    routes = [Route("/sign-in", begin), Route("/signed-in", end), Route("/sign-out", out)]
    cookie = Middleware(
        SessionMiddleware,
        secret_key=secrets.token_urlsafe(32),
        session_cookie="health_session",
        max_age=HOURS * 3600,
        same_site="lax",  # the way back from the provider is from another site
        https_only=sign_in.address.startswith("https:"),
    )
    return routes, [cookie]
