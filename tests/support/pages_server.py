"""The pages at work on a port of their own, and a history for them to show."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import uvicorn
from dagster_browser import free_port
from pipeline import Warehouse

from orchestration.base.settings import Settings
from orchestration.pages.app import build
from orchestration.pages.people import LOOPBACK, SignIn
from orchestration.publishing.publication import publish
from orchestration.sample_data import write_sample

END = date(2026, 11, 22)
START = END - timedelta(days=64)
NOBODY_ELSE = SignIn(user="ines@example.com")


def published_sample(folder: Path) -> Warehouse:
    """65 health dates of a small company, published."""
    write_sample(folder / "raw", accounts=60, days=100, end_date=END)
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    warehouse.calculate(START, END)
    publish(warehouse.settings, "test", START, END)
    return warehouse


@contextmanager
def serving(settings: Settings, sign_in: SignIn = NOBODY_ELSE) -> Iterator[str]:
    """The address of the pages while the context lasts."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings, sign_in, frozenset(LOOPBACK)),
            host="127.0.0.1",
            port=port,
            log_level="warning",
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
