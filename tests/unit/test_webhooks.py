"""Receivers of webhooks are strangers: none may redirect a message, hold a run up, fill memory."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import click
import pytest
from receiver import receiving
from small_warehouse import make

from orchestration.notify import webhooks
from orchestration.notify.destinations import destination_from_environment
from orchestration.notify.notices import notify
from orchestration.notify.webhooks import NotDelivered, Webhook, seconds_to_wait
from orchestration.runs.preflight import refuse_what_cannot_work

MOST_BYTES = 64 * 2**20
Answer = Callable[[socket.socket, threading.Event], None]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a receiver that answers each request as told, until the block ends."""
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    answer(connection, is_over)
            except OSError:  # nobody came for a while, or somebody left
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/services/secret"
        finally:
            is_over.set()
            thread.join()


def post(address: str) -> None:
    Webhook.at("HEALTH_NOTICE_URL", address).post({"text": "Hello."})


def drip(connection: socket.socket, is_over: threading.Event) -> None:
    for letter in b"HTTP/1.1 200 " + b"O" * 40:
        connection.sendall(bytes([letter]))
        if is_over.wait(0.05):
            return
    connection.sendall(b"\r\n\r\n")


def go_on(connection: socket.socket, is_over: threading.Event) -> None:
    """Informational answers, after which a client waits for the final one."""
    while not is_over.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def say_nothing(connection: socket.socket, is_over: threading.Event) -> None:
    is_over.wait(60)


@pytest.mark.parametrize("answer", [drip, go_on, say_nothing])
def test_an_answer_that_does_not_end_is_not_waited_for(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", 0.5)
    with answering(answer) as address:
        with pytest.raises(NotDelivered, match="did not answer|cannot be reached") as late:
            post(address)
        for thread in threading.enumerate():
            if thread.name == "webhook":
                thread.join(timeout=60)
                assert not thread.is_alive()
    assert late.value.may_pass
    assert "secret" not in str(late.value)


@pytest.mark.parametrize("status", ["200 OK", "500 Oh"])
def test_the_body_of_an_answer_is_not_read(status: str) -> None:
    sent = 0

    def flood(connection: socket.socket, is_over: threading.Event) -> None:
        nonlocal sent
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\n\r\n".encode())
        while sent < MOST_BYTES and not is_over.is_set():
            sent += connection.send(bytes(2**16))

    with answering(flood) as address:
        if status == "200 OK":
            post(address)
        else:
            with pytest.raises(NotDelivered, match="answered 500 Oh"):
                post(address)
    assert sent < MOST_BYTES  # what the buffers of the sockets hold


def test_headers_without_end_are_no_answer() -> None:
    def headers(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1000):
            connection.sendall(b"X: y\r\n")

    with answering(headers) as address, pytest.raises(NotDelivered, match="cannot be reached"):
        post(address)


@pytest.mark.parametrize("answer", [b"", b"\x00\xff\r\n\r\n", b"HTTP/1.1 99999 ?\r\n\r\n"])
def test_what_is_no_answer_is_told(answer: bytes) -> None:
    with (
        answering(lambda connection, _: connection.sendall(answer)) as address,
        pytest.raises(NotDelivered, match="cannot be reached"),
    ):
        post(address)


def test_the_reason_of_a_receiver_is_a_line_of_text() -> None:
    reason = "\x1b]0;title\x07 <!channel> \x9b31m " + "long " * 100
    answer = f"HTTP/1.1 400 {reason}\r\n\r\n".encode("latin-1")
    with (
        answering(lambda connection, _: connection.sendall(answer)) as address,
        pytest.raises(NotDelivered) as refusal,
    ):
        post(address)
    text = str(refusal.value)
    assert text.startswith("127.0.0.1 answered 400 \\x1b]0;title\\x07 <!channel> \\x9b31m long")
    assert len(text) < 150


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_notice_follows_no_redirect(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as first, receiving() as other:
        first.answers = [status]
        first.location = other.url
        monkeypatch.setenv("HEALTH_NOTICE_URL", first.url)
        with pytest.raises(NotDelivered, match=f"answered {status}") as refusal:
            notify("The run failed.")
    assert len(first.requests) == 1
    assert not other.requests
    assert not refusal.value.may_pass


# Retry-After


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[(None, None), ("", None), ("7", 7.0), (" 7 ", 7.0), ("0", 0.0)],
        *[("9" * 5000, float("inf")), ("\u00b2", None), ("\u0667", None), ("-1", None)],
        *[("1.5", None), ("soon", None), ("Mon, 99 Foo 9999", None), ("nan", None)],
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(
    text: str | None, seconds: float | None
) -> None:
    assert seconds_to_wait(text) == seconds


def test_retry_after_may_be_a_date_to_come() -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    asked = seconds_to_wait(format_datetime(in_an_hour, usegmt=True))
    assert asked is not None and 3000 < asked <= 3600


# Addresses

NO_ADDRESSES = (
    *("mail", "//host/x", "ftp://host/x", "https://", "https:///x", "https:host", "file:///etc/x"),
    *("https://[::1", "https://host:port/x", "https://host:99999/x", "https://.example/x"),
    *("https://a..b/x", f"https://{'a' * 64}.example/x", "https://ho st/x", "https://host/\nx"),
    "https://host/\x1b[2J",
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
@pytest.mark.parametrize("setting", ["HEALTH_NOTICE_URL", "HEALTH_ALERT_DESTINATION"])
def test_a_malformed_address_is_refused_before_a_run(
    setting: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make(tmp_path, dates=0)
    settings.raw.mkdir()
    monkeypatch.setenv(setting, address)
    with pytest.raises(click.ClickException, match=f"^{setting} is not the address") as refusal:
        refuse_what_cannot_work(settings)
    assert address == "https://" or address not in refusal.value.message


@pytest.mark.parametrize(
    "address",
    [
        *["https://example.com/x", "http://127.0.0.1:80/x?y=%20", "https://[::1]:8443/x"],
        *["https://user:word@example.com", "slack+https://b\u00fccher.example/services/T/B/x"],
    ],
)
def test_an_address_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", address)
    destination_from_environment(lambda text: None)
