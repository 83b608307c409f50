"""Sign-in by OpenID Connect, against a provider that runs here."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from pages_server import NOBODY_ELSE, serving
from pipeline import Warehouse

SECONDS = 60


class Provider(BaseHTTPRequestHandler):
    """Signs in whoever comes as `claims`; a code counts once, with its verifier."""

    key = RSAKey.generate_key(2048, {"kid": "one"})
    claims: dict[str, Any] = {}
    codes: dict[str, dict[str, str]] = {}

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    @property
    def issuer(self) -> str:
        return f"http://{self.headers['host']}"

    def answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/.well-known/openid-configuration":
            ends = {"authorization": "authorize", "token": "token", "jwks": "keys"}
            names = {"jwks": "jwks_uri"}
            self.answer(
                {"issuer": self.issuer}
                | {
                    names.get(name, f"{name}_endpoint"): f"{self.issuer}/{path}"
                    for name, path in ends.items()
                }
            )
        elif address.path == "/keys":
            self.answer({"keys": [self.key.as_dict(private=False)]})
        else:
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            code = f"code{len(self.codes)}"
            self.codes[code] = asked
            self.send_response(302)
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_header("location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"]:
            self.answer({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "pages",
            "sub": "1",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 60,
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        self.answer({"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def address(warehouse: Warehouse, provider: str, tmp_path: Path) -> Iterator[str]:
    people = tmp_path / "people.csv"
    people.write_text("person,may_enter,accounts\nlead@example.com,true,all\n", encoding="utf-8")
    sign_in = replace(
        NOBODY_ELSE, issuer=provider, client_id="pages", client_secret="s", people=people
    )
    with serving(warehouse.settings, sign_in) as found:
        yield found


def signed_in(address: str, path: str, **claims: Any) -> requests.Response:
    Provider.claims = claims
    return requests.Session().get(address + path, timeout=SECONDS)


def test_who_signs_in_comes_back_to_the_page(address: str) -> None:
    path = "/trend?by=week&panel=manager"
    answer = signed_in(address, path, email="lead@example.com", email_verified=True)
    assert answer.status_code == 200
    assert answer.url == f"{address}{path}"
    assert "lead@example.com" in answer.text


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "stranger@example.com", "email_verified": True}, "may not see these pages"),
        ({"email": "lead@example.com", "email_verified": False}, "no verified address"),
        ({"email": "lead@example.com"}, "no verified address"),
        ({}, "no verified address"),
        ({"email": "lead@example.com", "aud": "another"}, "did not sign you in"),
    ],
)
def test_who_is_not_known_sees_nothing(address: str, claims: dict[str, Any], words: str) -> None:
    answer = signed_in(address, "/", **claims)
    assert answer.status_code == 403, answer.text
    assert words in answer.text


def test_the_way_back_is_a_page_of_ours(address: str) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example"):
        Provider.claims = {"email": "lead@example.com", "email_verified": True}
        answer = requests.Session().get(f"{address}/sign-in", params={"to": to}, timeout=SECONDS)
        assert answer.url.startswith(f"{address}/"), answer.url


def test_an_answer_that_was_not_asked_for_signs_nobody_in(address: str) -> None:
    answer = requests.get(f"{address}/signed-in?code=code0&state=made-up", timeout=SECONDS)
    assert answer.status_code == 403
