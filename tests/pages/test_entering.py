"""Who may see and enter what, and what becomes of an entry."""

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import requests
from pages_server import NOBODY_ELSE, serving
from pipeline import Warehouse

from orchestration.base.settings import Settings
from orchestration.pages.people import SignIn, refuse_open_address

SECONDS = 60


@pytest.fixture
def settings(warehouse: Warehouse, tmp_path: Path) -> Settings:
    """What is published, with an empty raw folder to enter into."""
    (tmp_path / "raw").mkdir()
    return replace(warehouse.settings, raw=tmp_path / "raw")


@pytest.fixture
def entering(settings: Settings) -> Iterator[str]:
    with serving(settings) as found:
        yield found


@pytest.fixture
def account(warehouse: Warehouse) -> str:
    return warehouse.query("select min(account_id) from health.account_health")[0][0]


def session_with_form(address: str, account: str) -> tuple[requests.Session, str]:
    """A browser that has the page of the account open, and the token of its forms."""
    session = requests.Session()
    text = session.get(f"{address}/accounts/{account}?tab=risk", timeout=SECONDS).text
    token = re.search(r'name="token" value="([0-9a-f]+)"', text)
    assert token
    return session, token[1]


def entered(settings: Settings) -> list[dict]:
    files = sorted((settings.raw / "health_entries").glob("*"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


FORMS = [
    {"kind": "risk_score", "risk_score": "62.5", "note": "Sponsor <left>\nthe company"},
    {"kind": "tag_on", "tag": "acquired", "tag_kind": "risk", "note": ""},
    {"kind": "tag_off", "tag": "acquired"},
    {"kind": "override", "pillar_id": "service", "state": "poor", "note": "Escalation",
     "expires_at": "29991231"},
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["kind"])
def test_an_entry_becomes_a_row_and_is_shown_as_pending(
    entering: str, settings: Settings, account: str, form: dict[str, str]
) -> None:
    session, token = session_with_form(entering, account)
    answer = session.post(
        f"{entering}/accounts/{account}/enter", data={**form, "token": token}, timeout=SECONDS
    )
    assert answer.status_code == 200, answer.text
    [row] = entered(settings)
    assert row["account_id"] == account
    assert row["author"] == NOBODY_ELSE.user
    for name, value in form.items():
        if value:
            read = {"risk_score": float, "expires_at": lambda _: "2999-12-31"}.get(name, str)
            assert row[name] == read(value)
    assert "counted from the next health date" in answer.text
    assert f"{form['kind'].replace('_', ' ')}" in answer.text
    [file] = (settings.raw / "health_entries").iterdir()
    assert file.name == f"{row['entry_id']}.jsonl"


def test_an_account_s_own_override_can_be_ended_and_no_other(
    entering: str, settings: Settings, account: str, warehouse: Warehouse
) -> None:
    session, token = session_with_form(entering, account)
    path = f"{entering}/accounts/{account}/enter"
    session.post(path, data={**FORMS[3], "token": token}, timeout=SECONDS)
    [override] = entered(settings)
    assert override["expires_at"] == "2999-12-31"
    ending = {"kind": "override_off", "token": token}
    [(foreign,)] = warehouse.query(
        f"select min(override_id) from health.override_history where account_id <> '{account}'"
    )
    refused = session.post(path, data={**ending, "refers_to": foreign}, timeout=SECONDS)
    assert "no such override" in refused.text
    own = {**ending, "refers_to": f"entry:{override['entry_id']}"}
    assert session.post(path, data=own, timeout=SECONDS).status_code == 200
    assert [row["kind"] for row in entered(settings)] == ["override", "override_off"]


def test_what_counts_or_is_pending_can_be_taken_back(
    entering: str, settings: Settings, warehouse: Warehouse
) -> None:
    [(account, label)] = warehouse.query(
        "select account_id, substr(property_id, 5) as tag from health.account_properties"
        " inner join health.account_risk using (account_id)"
        " where starts_with(property_id, 'tag:')"
        " and not contains(risk_tags || confidence_tags, tag) order by all limit 1"
    )
    session, token = session_with_form(entering, account)
    path = f"{entering}/accounts/{account}/enter"
    for form in (FORMS[1], FORMS[3]):
        text = session.post(path, data={**form, "token": token}, timeout=SECONDS).text
    override = entered(settings)[-1]["entry_id"]
    for value in (label, "acquired", f"entry:{override}"):
        assert f'<option value="{value}"' in text
    assert label.replace("_", " ") in text[text.index("Labels:") :].splitlines()[0]


WRONG = {
    "risk_score=101": "a number from 0 to 100",
    "risk_score=nan": "a number from 0 to 100",
    "risk_score=": "The risk score is missing",
    "tag= &tag_kind=risk": "The tag is missing",
    "tag=x&tag_kind=odd": "The kind of the tag is one of",
    "pillar_id=nothing&state=poor&note=x": "The pillar is one of",
    "pillar_id=overall&state=odd&note=x": "The state is one of",
    "pillar_id=overall&state=poor&note=": "The reason is missing",
    "pillar_id=overall&state=poor&note=x&expires_at=2020-01-01": "has to be after today",
}
KIND_OF = {"risk_score": "risk_score", "tag": "tag_on", "pillar_id": "override"}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_entry_is_refused_with_words(
    entering: str, settings: Settings, account: str, wrong: str
) -> None:
    session, token = session_with_form(entering, account)
    form = dict(part.split("=", 1) for part in wrong.split("&"))
    kind = KIND_OF[next(iter(form))]
    answer = session.post(
        f"{entering}/accounts/{account}/enter",
        data={**form, "kind": kind, "token": token},
        timeout=SECONDS,
    )
    assert answer.status_code == 400
    assert WRONG[wrong] in answer.text
    assert entered(settings) == []


def test_a_form_of_another_site_enters_nothing(
    entering: str, settings: Settings, account: str
) -> None:
    session, token = session_with_form(entering, account)
    form = {**FORMS[0], "token": token}
    path = f"{entering}/accounts/{account}/enter"
    refused = [
        session.post(path, data=form, headers={"origin": "http://evil.example"}, timeout=SECONDS),
        session.post(path, data=form, headers={"sec-fetch-site": "cross-site"}, timeout=SECONDS),
        session.post(path, data={**form, "token": "0" * 64}, timeout=SECONDS),
        requests.post(path, data=form, timeout=SECONDS),  # without the cookie
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 400, 400]
    assert entered(settings) == []


def test_a_name_that_is_not_ours_is_not_answered(entering: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(entering).netloc, timeout=SECONDS)
    connection.request("GET", "/", headers={"Host": "rebound.example"})
    answer = connection.getresponse()
    assert answer.status == 400
    assert b"not reached by this name" in answer.read()


@pytest.mark.parametrize("name", ["[", "a]", "evil.example", "127.0.0.1.evil.example"])
def test_a_host_that_is_none_of_ours_is_refused(entering: str, name: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(entering).netloc, timeout=SECONDS)
    connection.request("GET", "/", headers={"Host": name})
    assert connection.getresponse().status == 400


def test_every_answer_forbids_what_is_not_ours(entering: str) -> None:
    for path in ("/", "/nowhere", "/static/pages.js", "/publication"):
        headers = requests.get(entering + path, timeout=SECONDS).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


PEOPLE = "person,may_enter,accounts\nlead@example.com,true,all\nreader@example.com,false,all\n"


def behind_a_proxy(tmp_path: Path, people: str) -> SignIn:
    file = tmp_path / "people.csv"
    file.write_text(people, encoding="utf-8")
    return SignIn(header="X-User", proxies=frozenset(["127.0.0.1"]), people=file)


def test_behind_a_proxy_each_may_what_the_file_says(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    [(account, owner), *_] = warehouse.query(
        "select account_id, csm_email from health.account_health"
        " where csm_email is not null order by account_id"
    )
    [(other,)] = warehouse.query(
        "select min(account_id) from health.account_health"
        f" where csm_email is distinct from '{owner}'"
    )
    people = f"{PEOPLE}{owner},true,own\n"
    with serving(settings, behind_a_proxy(tmp_path, people)) as address:

        def status(path: str, user: str | None) -> int:
            headers = {"X-User": user} if user else {}
            return requests.get(address + path, headers=headers, timeout=SECONDS).status_code

        assert status("/", None) == 403
        assert status("/", "stranger@example.com") == 403
        assert status("/", "lead@example.com") == 200
        assert status(f"/accounts/{account}", owner.upper()) == 200
        assert status(f"/accounts/{other}", owner) == 404
        listed = requests.get(f"{address}/accounts.csv", headers={"X-User": owner}, timeout=SECONDS)
        [(own,)] = warehouse.query(
            f"select count(*) from health.account_health where csm_email = '{owner}'"
        )
        assert len(listed.text.splitlines()) == own + 1
        page = requests.get(f"{address}/accounts/{account}", headers={"X-User": owner}, timeout=60)
        foreign = warehouse.query(
            "select account_id from health.account_health"
            f" where csm_email is distinct from '{owner}'"
        )
        assert [one for (one,) in foreign if f'/accounts/{one}"' in page.text] == []
        reader = {"X-User": "reader@example.com"}
        text = requests.get(f"{address}/accounts/{account}?tab=risk", headers=reader, timeout=60)
        assert 'method="post"' not in text.text
        refused = requests.post(
            f"{address}/accounts/{account}/enter", data=FORMS[0], headers=reader, timeout=SECONDS
        )
        assert refused.status_code == 403
    assert entered(settings) == []


def test_a_header_is_believed_of_the_named_proxies_alone(
    settings: Settings, tmp_path: Path
) -> None:
    sign_in = replace(behind_a_proxy(tmp_path, PEOPLE), proxies=frozenset(["192.0.2.1"]))
    with serving(settings, sign_in) as address:
        answer = requests.get(address, headers={"X-User": "lead@example.com"}, timeout=SECONDS)
    assert answer.status_code == 403


def test_a_file_without_people_lets_nobody_in(settings: Settings, tmp_path: Path) -> None:
    with serving(settings, behind_a_proxy(tmp_path, PEOPLE.splitlines()[0] + "\n")) as address:
        answer = requests.get(address, headers={"X-User": "lead@example.com"}, timeout=SECONDS)
    assert answer.status_code == 403


def test_a_header_that_is_there_twice_is_nobody(settings: Settings, tmp_path: Path) -> None:
    with serving(settings, behind_a_proxy(tmp_path, PEOPLE)) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=SECONDS)
        connection.putrequest("GET", "/")
        for user in ("lead@example.com", "stranger@example.com"):
            connection.putheader("X-User", user)
        connection.endheaders()
        assert connection.getresponse().status == 403


def test_an_open_address_needs_a_sign_in() -> None:
    with pytest.raises(click.ClickException, match="nobody signs in"):
        refuse_open_address("0.0.0.0", NOBODY_ELSE)
    refuse_open_address("127.0.0.1", NOBODY_ELSE)
    refuse_open_address("0.0.0.0", SignIn(header="X-User", proxies=frozenset(["10.0.0.1"])))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HEALTH_PAGES_HEADER": "X-User"}, "needs HEALTH_PAGES_PROXIES"),
        ({"HEALTH_OIDC_ISSUER": "https://x"}, "needs HEALTH_OIDC_CLIENT_ID"),
        ({"HEALTH_PAGES_PEOPLE": "nowhere.csv"}, "HEALTH_PAGES_PEOPLE"),
        (
            {
                "HEALTH_OIDC_ISSUER": "https://x",
                "HEALTH_OIDC_CLIENT_ID": "x",
                "HEALTH_OIDC_CLIENT_SECRET": "x",
            },
            "needs HEALTH_PAGES_PEOPLE",
        ),
    ],
)
def test_half_a_sign_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(click.ClickException, match=words):
        SignIn.from_environment()
