"""Notices of failed runs and checks arrive where HEALTH_NOTICE_URL says, or tell why not."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from orchestration.notify.notices import NotDelivered, notify


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    """A webhook on this machine that keeps the bodies it was sent, and answers with its `code`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            server.bodies.append(json.loads(self.rfile.read(length)))
            self.send_response(server.code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.bodies, server.code = [], 200
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_a_notice_arrives(receiver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_NOTICE_URL", f"http://127.0.0.1:{receiver.server_port}/hook")
    assert notify("The run of 2026-11-22 failed.")
    told = {"text": "The run of 2026-11-22 failed.", "mrkdwn": False, "parse": "none"}
    assert receiver.bodies == [told]


def test_a_notice_is_text_whatever_it_names(
    receiver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_NOTICE_URL", f"http://127.0.0.1:{receiver.server_port}/hook")
    notify("2 checks failed:\n- <!channel> \x1b[2J & Co")
    assert receiver.bodies[0]["text"] == "2 checks failed:\n- &lt;!channel&gt; \\x1b[2J &amp; Co"


def test_a_refusal_is_told_without_the_address(
    receiver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_NOTICE_URL", f"http://127.0.0.1:{receiver.server_port}/hook")
    receiver.code = 500
    with pytest.raises(NotDelivered, match="answered 500") as failure:
        notify("The run of 2026-11-22 failed.")
    assert "hook" not in str(failure.value)


def test_without_an_address_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEALTH_NOTICE_URL", raising=False)
    assert not notify("The run of 2026-11-22 failed.")
