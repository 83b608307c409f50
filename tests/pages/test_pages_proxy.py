"""examples/pages_proxy at work: nginx signs people in, and the pages believe nobody else."""

import getpass
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from dagster_browser import free_port, program, wait_until_it_answers
from pipeline import ROOT, Warehouse
from requests.adapters import HTTPAdapter
from required_programs import skip_without

EXAMPLE = ROOT / "examples" / "pages_proxy"
# Debian keeps it where the paths of users do not lead.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
OPENSSL = shutil.which("openssl")
HOST = "health.example.com"
PASSWORD = "correct horse"
LEAD, OWN, READER, STRANGER = (f"{name}@example.com" for name in ("lead", "ines", "board", "noah"))
SECONDS = 60
# Of a whole nginx.conf, which the file of the example is a part of.
AROUND = """
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{ access_log off; {temporary} include {folder}/account-health.conf; }}
"""


@dataclass(frozen=True)
class Site:
    """The address of the proxy and its certificate, the address of the pages behind it, and the
    folder of raw tables that entries go to."""

    proxy: str
    certificate: Path
    pages: str
    raw: Path

    def visit(self, person: str = "", password: str = PASSWORD) -> requests.Session:
        """A browser that comes through the proxy, by the name of the pages."""
        session = requests.Session()
        session.trust_env = False  # whose certificates come before those of a session
        session.headers["Host"] = HOST
        session.verify = str(self.certificate)
        session.auth = (person, password) if person else None
        return session


def openssl(*arguments: str) -> str:
    assert OPENSSL
    done = subprocess.run([OPENSSL, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def example_in(folder: Path, proxy_port: int, pages_port: int) -> dict[str, str]:
    """The files of the example with the places and ports of this test; its settings."""
    places = {
        "/etc/ssl/account-health.pem": f"{folder}/certificate.pem",
        "/etc/ssl/private/account-health.key": f"{folder}/key.pem",
        "/etc/nginx/account-health.users": f"{folder}/users",
        "/etc/account-health-people.csv": f"{folder}/account-health-people.csv",
        "listen 443": f"listen 127.0.0.1:{proxy_port}",
        "127.0.0.1:8050": f"127.0.0.1:{pages_port}",
    }
    written = set()
    for file in EXAMPLE.iterdir():
        text = file.read_text(encoding="utf-8")
        for place, own in places.items():
            written |= {place} if place in text else set()
            text = text.replace(place, own)
        (folder / file.name).write_text(text, encoding="utf-8")
    assert written == set(places)
    settings = (folder / "account-health-pages.env").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", settings, re.MULTILINE))


@pytest.fixture(scope="module")
def site(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not NGINX or not OPENSSL:
        skip_without("there is no nginx: apt-get install nginx-light openssl")
    folder = tmp_path_factory.mktemp("proxy")
    proxy_port, pages_port = free_port(), free_port()
    environment = example_in(folder, proxy_port, pages_port)
    names = f"subjectAltName=DNS:{HOST},IP:127.0.0.1"
    openssl(
        *("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-addext", names),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-out", f"{folder}/certificate.pem", "-keyout", f"{folder}/key.pem"),
    )
    hashed = openssl("passwd", "-6", PASSWORD).strip()
    users = "".join(f"{person}:{hashed}\n" for person in (LEAD, OWN, READER, STRANGER))
    (folder / "users").write_text(users, encoding="utf-8")
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = AROUND.format(user=getpass.getuser(), folder=folder, temporary=temporary)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    settings = warehouse.settings
    environment |= settings.environment | {"HEALTH_RAW_DIR": str(folder / "raw")}
    (folder / "raw").mkdir()
    pages, proxy = f"http://127.0.0.1:{pages_port}", f"https://127.0.0.1:{proxy_port}"
    with program(folder, environment, "serve", "--port", str(pages_port)) as server:
        wait_until_it_answers(f"{pages}/static/pages.css", server)
        nginx = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])
        try:
            while not (folder / "nginx.pid").exists():  # it listens by then
                assert nginx.poll() is None, "nginx ended"
                time.sleep(0.05)
            yield Site(proxy, folder / "certificate.pem", pages, folder / "raw")
        finally:
            nginx.terminate()
            nginx.wait(SECONDS)


def test_who_signs_in_at_the_proxy_is_known_to_the_pages(site: Site, warehouse: Warehouse) -> None:
    answer = site.visit(LEAD).get(site.proxy, timeout=SECONDS)
    assert answer.status_code == 200
    assert LEAD in answer.text
    assert site.visit(STRANGER).get(site.proxy, timeout=SECONDS).status_code == 403
    [(owned,)] = warehouse.query(
        f"select count(*) from health.account_health where csm_email = '{OWN}'"
    )
    listed = site.visit(OWN).get(f"{site.proxy}/accounts.csv", timeout=SECONDS).text
    assert len(listed.splitlines()) == owned + 1


@pytest.mark.parametrize("credentials", [(), (LEAD, "wrong"), ("nobody@example.com", PASSWORD)])
def test_without_credentials_nobody_enters(site: Site, credentials: tuple[str, ...]) -> None:
    for path in ("/", "/accounts.csv", "/static/pages.css"):
        answer = site.visit(*credentials).get(site.proxy + path, timeout=SECONDS)
        assert answer.status_code == 401


def test_a_header_that_somebody_else_wrote_is_not_believed(site: Site) -> None:
    forged = {"X-Forwarded-User": LEAD}
    through = site.visit(READER).get(site.proxy, headers=forged, timeout=SECONDS)
    assert through.status_code == 200
    assert READER in through.text
    assert LEAD not in through.text
    # Past the proxy, from an address that is not the proxy's.
    elsewhere = requests.Session()
    elsewhere.mount("http://", FromAddress("127.0.0.2"))
    assert elsewhere.get(site.pages, headers=forged, timeout=SECONDS).status_code == 403


class FromAddress(HTTPAdapter):
    """Sends from an address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def test_who_may_enter_does_and_who_reads_does_not(site: Site, warehouse: Warehouse) -> None:
    [(account,)] = warehouse.query("select min(account_id) from health.account_health")
    page = f"{site.proxy}/accounts/{account}"
    entry = {"kind": "risk_score", "risk_score": "40", "note": "Champion is leaving"}
    same_origin = {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}

    def enter(person: str) -> int:
        session = site.visit(person)
        text = session.get(page, params={"tab": "risk"}, timeout=SECONDS).text
        token = re.search(r'name="token" value="([0-9a-f]+)"', text)
        form = entry | {"token": token[1] if token else ""}
        answer = session.post(
            f"{page}/enter", form, headers=same_origin, timeout=SECONDS, allow_redirects=False
        )
        return answer.status_code

    assert enter(READER) == 403
    assert not (site.raw / "health_entries").exists()
    assert enter(LEAD) == 303
    [file] = (site.raw / "health_entries").iterdir()
    assert json.loads(file.read_text(encoding="utf-8"))["author"] == LEAD
