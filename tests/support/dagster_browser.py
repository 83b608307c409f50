"""Dagster's own programs at work, and a browser to look at them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from required_programs import skip_without

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
START_SECONDS = 300


@contextmanager
def a_browser() -> Iterator[Any]:
    """Debian's Chromium."""
    if not CHROMIUM:
        skip_without("there is no browser: apt-get install chromium")
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def program(
    folder: Path, environment: Mapping[str, str], *arguments: str
) -> Iterator[subprocess.Popen]:
    """`health` with the arguments, as a process that is told to end in the end."""
    health = Path(sys.executable).with_name("health")
    with (folder / "output.txt").open("a") as log:
        process = subprocess.Popen(
            [health, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # as systemd does
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("it does not end when it is told to")


@contextmanager
def serving(folder: Path, environment: Mapping[str, str], *arguments: str) -> Iterator[str]:
    """The address of the UI that `health` with the arguments opens."""
    port = free_port()
    with program(folder, environment, *arguments, "--port", str(port)) as server:
        wait_until_it_answers(f"http://127.0.0.1:{port}/server_info", server)
        yield f"http://127.0.0.1:{port}"


def wait_until_it_answers(url: str, server: subprocess.Popen) -> None:
    for _ in range(START_SECONDS):
        assert server.poll() is None, "the webserver ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(1)
    pytest.fail("the webserver does not answer")


def ask(address: str, query: str, **variables: Any) -> Any:
    """What GraphQL answers."""
    request = urllib.request.Request(
        f"{address}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = json.load(answer)
    assert "errors" not in body, body
    return body["data"]
