"""Webhooks: a message to one address, bounded in time and memory whatever the receiver does.

Notices and alerts both go out here. The address is a secret, so that no message shows more of it
than the host. What a receiver answers is a stranger's text: its status is read, its headers as far
as they are few and short, its body never.
"""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import click
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from orchestration.base import clock, escaping

# For one message, from the look-up of the host's name to the answer; and for a last try.
TIMEOUT_SECONDS = 10.0
SHORTEST_TIMEOUT_SECONDS = 1.0
REASON_LENGTH = 100  # characters of what a receiver gives as its reason
# What may pass: too early, too many requests, time-outs; and every answer from 500 on.
PASSING = {408, 425, 429}


class NotDelivered(Exception):
    """A message did not arrive; may_pass: another try may help, after so many seconds if known."""

    def __init__(self, message: str, may_pass: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        self.retry_after = retry_after


@dataclass(frozen=True)
class Webhook:
    """The address of a receiver, and its host, which is all that messages name of it."""

    url: str
    host: str

    @classmethod
    def at(cls, variable: str, address: str) -> "Webhook":
        """The webhook that a setting names; raises click.ClickException if that is no address."""
        try:
            if not address.isprintable() or " " in address:
                raise ValueError(address)
            parts = urlsplit(requests.Request("POST", address).prepare().url or "")
            host = parts.hostname or ""
            host.encode("idna")  # as the look-up of its address does
            if parts.scheme not in ("http", "https") or not host:
                raise ValueError(address)
        except ValueError:  # those of requests as well
            raise click.ClickException(
                f"{variable} is not the address of a webhook, such as `https://example.com/hook`"
                " (its value is a secret and so not shown)."
            ) from None
        return cls(address, host)

    def post(
        self,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Send a message; raises NotDelivered when it is not taken within so many seconds."""
        seconds = min(TIMEOUT_SECONDS, max(seconds, SHORTEST_TIMEOUT_SECONDS))

        connections = Connections()

        def send() -> tuple[int, str, str | None]:
            with (
                connections.session() as session,
                session.post(
                    self.url,
                    json=body,
                    headers=headers,
                    timeout=seconds,
                    allow_redirects=False,  # else it goes to whom the receiver names
                    stream=True,  # what follows the headers is never read
                ) as answer,
            ):
                return answer.status_code, str(answer.reason), answer.headers.get("Retry-After")

        try:
            status, reason, retry_after = within(seconds, send, connections.cut)
        except TimeoutError:
            raise NotDelivered(
                f"{self.host} did not answer within {seconds:.0f} seconds", may_pass=True
            ) from None
        except (requests.RequestException, HTTPError, ValueError) as problem:
            kind = type(problem).__name__
            raise NotDelivered(f"{self.host} cannot be reached ({kind})", may_pass=True) from None
        if not 200 <= status < 300:
            shown = escaping.line(reason)[:REASON_LENGTH]
            raise NotDelivered(
                f"{self.host} answered {status} {shown}".rstrip(),
                may_pass=status in PASSING or status >= 500,
                retry_after=seconds_to_wait(retry_after),
            )


class Connections(HTTPAdapter):
    """The connections of one message, which another thread can cut."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[HTTPConnection] = []

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session

    def get_connection_with_tls_context(self, *details: Any, **named: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*details, **named)
        make = pool.ConnectionCls

        def opened(*arguments: Any, **options: Any) -> HTTPConnection:
            self.opened.append(make(*arguments, **options))
            return self.opened[-1]

        pool.ConnectionCls = opened
        return pool

    def cut(self) -> None:
        """End what is being sent or answered; whoever waits for it is told that it broke."""
        for connection in self.opened:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


def within(seconds: float, work: Callable[[], Any], cut: Callable[[], None]) -> Any:
    """What the work returns or raises, or TimeoutError after so many seconds, when it is cut.

    The work goes on in a thread, because time-outs of sockets bound neither what comes byte by byte
    nor the look-up of a name. The thread ends when it is cut, or with the process.
    """
    answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except BaseException as problem:
            answers.put((None, problem))

    threading.Thread(target=run, daemon=True, name="webhook").start()
    try:
        answer, problem = answers.get(timeout=seconds)
    except Empty:
        cut()
        raise TimeoutError from None
    if problem is not None:
        raise problem
    return answer


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Seconds from now that `Retry-After` asks to wait, as a number or as a date; else None."""
    text = (retry_after or "").strip()
    if re.fullmatch("[0-9]+", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - clock.now().timestamp())
