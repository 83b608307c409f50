"""What is installed is what was locked, with its licences listed and its advisories looked up."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pipeline import ROOT
from supply_chain import licences, vulnerabilities
from supply_chain.pins import LOCK, Pin, pins

ENTRY = re.compile(r"^\S.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def test_every_pin_has_its_hashes() -> None:
    entries = [entry for entry in ENTRY.findall(LOCK.read_text()) if not entry.startswith("#")]
    assert len(entries) == len(pins()) > 100
    for entry in entries:
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", entry, re.MULTILINE), entry


def test_the_lock_names_no_index() -> None:
    assert not re.search(r"://|--index|--find-links|--extra-index", LOCK.read_text())


def test_whatever_is_installed_comes_from_the_lock() -> None:
    """Each installation of the Makefile checks hashes, or asks no index."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install.*", makefile)
    assert len(installs) == 2
    for install in installs:
        assert (
            "--require-hashes --no-deps" in install or "--no-deps --no-build-isolation" in install
        )
    assert "--generate-hashes" in makefile


def test_the_list_of_licences_is_that_of_the_lock() -> None:
    """Else: `make licences`. What another platform installs is not compared."""
    listed = dict(licences.ROW.findall(licences.FILE.read_text(encoding="utf-8")))
    assert listed.pop("package") == "licence"
    listed.pop("---", None)
    assert sorted(listed) == licences.packages(), "make licences"
    for package, licence in listed.items():
        assert licence != "not stated"
        assert licences.licence(package) in (None, licence), f"{package}: make licences"


def test_files_that_the_security_model_names_exist() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "SECURITY.md").read_text()):
        assert (ROOT / link).exists(), link
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text()


# Known vulnerabilities

PINS = [Pin("jinja2", "2.4.1"), Pin("six", "1.17.0")]


@contextmanager
def database(answer: bytes, status: int = 200) -> Iterator[tuple[str, list[dict]]]:
    """The address of a database that gives this answer, and what it was asked."""
    asked: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def two_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(vulnerabilities, "pins", lambda: PINS)


def test_a_known_vulnerability_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.dumps({"results": [{"vulns": [{"id": "GHSA-1"}, {"id": "GHSA-2"}]}, {}]})
    with database(answer.encode()) as (url, asked):
        assert vulnerabilities.main(url) == 1
        told = capsys.readouterr().out
        assert "jinja2 2.4.1: GHSA-1 (https://osv.dev/GHSA-1)" in told
        assert "Known vulnerabilities of 2 pins: 2 to look at." in told
        accepted = {"GHSA-1": "not used", "GHSA-2": "not used"}
        monkeypatch.setattr(vulnerabilities, "ACCEPTED", accepted)
        assert vulnerabilities.main(url) == 0
    assert asked[0]["queries"][0] == {
        "package": {"name": "jinja2", "ecosystem": "PyPI"},
        "version": "2.4.1",
    }


def test_pins_without_advisories_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with database(b'{"results": [{}, {}]}') as (url, _):
        assert vulnerabilities.main(url) == 0
    assert "0 to look at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"", 503), (b"<html>", 200), (b"[]", 200), (b'{"results": [{}]}', 200)],
)
def test_without_an_answer_the_look_up_is_skipped_with_a_word(
    answer: bytes, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(answer, status) as (url, _):
        assert vulnerabilities.main(url) == 0
    assert "Known vulnerabilities: skipped" in capsys.readouterr().out


def test_without_a_network_the_look_up_is_skipped_with_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert vulnerabilities.main("http://127.0.0.1:9") == 0
    assert "skipped, the database cannot be asked (ConnectionError)" in capsys.readouterr().out
