"""A receiver of webhooks on loopback, which honours the idempotency key."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came in. `answers`: status codes to give before all is well again.

    at_request: what happens while a sender waits for the answer.
    """

    port: int
    requests: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    accepted: dict[str, dict[str, object]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    retry_after: str = "7"
    location: str = "/elsewhere"
    at_request: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/secret"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            key = self.headers["Idempotency-Key"]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.requests.append((key, body))
            receiver.at_request()
            status = receiver.answers.pop(0) if receiver.answers else 200
            if status == 200:
                receiver.accepted.setdefault(key, body)
            self.send_response(status)
            self.send_header("Retry-After", receiver.retry_after)
            self.send_header("Location", receiver.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
