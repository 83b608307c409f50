"""Alerts are sent at least once each, noted when sent, and never sent for what is no news."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from alerting_nights import night
from receiver import Receiver, receiving
from small_warehouse import calculate, make, query, raise_alerts

from orchestration.base.settings import Settings
from orchestration.notify import alerts
from orchestration.notify.alerts import Delivery, send_alerts
from orchestration.notify.destinations import Alert
from orchestration.publishing.publication import publish
from orchestration.warehouse.unfinished import begin

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
STATUSES = "select health_date, account_id, status, sent_at is null from health.health_alerts"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse with a history of its own, that has announced the day before yesterday."""
    settings = make(tmp_path)
    night(settings, TODAY - timedelta(days=2))
    return settings


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("HEALTH_ALERT_DESTINATION", receiver.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield receiver


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the sender waited each time, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(alerts.time, "sleep", waited.append)
    return waited


def statuses(file: Path) -> list[tuple]:
    """(health date, account, status), for which sent and only sent alerts have a time."""
    rows = query(file, f"{STATUSES} order by all")
    assert all((status != "sent") == never for *_, status, never in rows)
    return [row[:3] for row in rows]


def test_an_alert_is_sent_noted_and_shown_to_readers(
    settings: Settings, receiver: Receiver
) -> None:
    assert night(settings, TODAY, accounts=("a1", "a2")) == Delivery(sent=2)
    sent = [(TODAY, "a1", "sent"), (TODAY, "a2", "sent")]
    assert statuses(settings.warehouse) == statuses(settings.published_file) == sent
    [first, second] = receiver.requests
    assert first[0] != second[0]
    assert first[1] == {
        "idempotency_key": first[0],
        "health_date": TODAY.isoformat(),
        "alert_id": "turned_poor",
        "account_id": "a1",
        "pillar_id": "overall",
        "account_name": "Account <1>",
        "from_state": "good",
        "to_state": "poor",
        "score": 8.0,
        "severity": "high",
        "playbook": "Call & listen.",
        "csm_email": "kim@example.com",
        "text": f"high: Account <1> (a1), overall good to poor, score 8 on {TODAY}"
        " (turned_poor). Call & listen. Success manager: kim@example.com",
    }


def test_an_alert_of_a_pillar_has_the_pillars_score(settings: Settings, receiver: Receiver) -> None:
    calculate(settings, TODAY)
    raise_alerts(settings, TODAY, "a1", pillar="service")
    publish(settings, "run", TODAY, TODAY)
    send_alerts(settings, "run", TODAY, TODAY)
    assert [body["score"] for _, body in receiver.requests] == [7.0]


def test_slack_gets_a_text_with_its_special_characters_escaped(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", f"slack+{receiver.url}")
    night(settings, TODAY, accounts=("a1",))
    [(key, body)] = receiver.requests
    assert key
    assert body == {
        "text": "high: Account &lt;1&gt; (a1), overall good to poor, score 8 on"
        f" {TODAY} (turned_poor). Call &amp; listen. Success manager: kim@example.com",
        "mrkdwn": False,
        "parse": "none",
    }


def test_by_default_alerts_go_to_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HEALTH_ALERT_DESTINATION", raising=False)
    assert night(settings, TODAY, accounts=("a3",)) == Delivery(sent=1)
    printed = capsys.readouterr().out
    assert "Account <3> (a3), overall good to poor" in printed
    assert "kim@example.com" not in printed  # a log keeps no personal data
    assert statuses(settings.published_file) == [(TODAY, "a3", "sent")]


@pytest.mark.parametrize("asked", ["mail", "ftp://example.com/x", "slack+log", "https://"])
def test_a_destination_that_is_none_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", asked)
    with pytest.raises(click.ClickException, match="slack\\+https://"):
        night(settings, TODAY, accounts=("a1",))


# Once recorded, never again; never for what is no news


def test_a_rerun_sends_nothing_not_even_what_is_new(settings: Settings, receiver: Receiver) -> None:
    night(settings, TODAY, accounts=("a1",))
    assert night(settings, TODAY, accounts=("a1", "a2")) == Delivery(suppressed=1)
    assert len(receiver.requests) == 1
    assert statuses(settings.published_file) == [
        (TODAY, "a1", "sent"),
        (TODAY, "a2", "suppressed"),
    ]


def test_an_alert_that_went_and_came_back_is_not_sent_again(
    settings: Settings, receiver: Receiver
) -> None:
    night(settings, TODAY, accounts=("a1",))
    night(settings, TODAY)
    assert statuses(settings.published_file) == []
    assert night(settings, TODAY, accounts=("a1",)) == Delivery()
    assert len(receiver.requests) == 1
    assert statuses(settings.published_file) == [(TODAY, "a1", "sent")]


def test_a_backfill_of_old_dates_sends_nothing(settings: Settings, receiver: Receiver) -> None:
    days = [TODAY - timedelta(days=age) for age in (4, 3, 2)]
    assert night(settings, *days, accounts=("a1",)) == Delivery(suppressed=3)
    assert receiver.requests == []
    assert {status for *_, status in statuses(settings.published_file)} == {"suppressed"}
    # Nor when it ends on a date that is news: only that date is.
    assert night(settings, *days, YESTERDAY, accounts=("a1",)) == Delivery(sent=1)
    assert [body["health_date"] for _, body in receiver.requests] == [YESTERDAY.isoformat()]


def test_nights_that_were_missed_are_news(settings: Settings, receiver: Receiver) -> None:
    assert night(settings, YESTERDAY, TODAY, accounts=("a1",)) == Delivery(sent=2)
    assert len(receiver.accepted) == 2


def test_dates_that_are_too_old_are_no_news(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make(tmp_path)
    today = datetime.now(UTC).date()  # to the day: the tests may have begun on another
    night(settings, today - timedelta(days=40))
    days = [today - timedelta(days=age) for age in (9, 8, 7, 1)]
    assert night(settings, *days, accounts=("a1",)) == Delivery(sent=2, suppressed=2)
    monkeypatch.setenv("HEALTH_ALERT_MAX_AGE_DAYS", "0")
    assert night(settings, today, accounts=("a1",)) == Delivery(sent=1)
    monkeypatch.setenv("HEALTH_ALERT_MAX_AGE_DAYS", "soon")
    with pytest.raises(click.ClickException, match="whole number of days"):
        night(settings, today, accounts=("a1",))


def test_of_the_first_history_only_the_last_date_is_news(
    tmp_path: Path, receiver: Receiver
) -> None:
    settings = make(tmp_path)
    days = [TODAY - timedelta(days=age) for age in (2, 1, 0)]
    assert night(settings, *days, accounts=("a1",)) == Delivery(sent=1, suppressed=2)
    assert [body["health_date"] for _, body in receiver.requests] == [TODAY.isoformat()]


def test_the_last_date_of_a_first_run_that_was_killed_is_news_to_the_next(
    tmp_path: Path, receiver: Receiver
) -> None:
    settings = make(tmp_path)
    begin(settings, TODAY - timedelta(days=3), YESTERDAY)
    days = [TODAY - timedelta(days=age) for age in (3, 2, 1, 0)]
    assert night(settings, *days, accounts=("a1",)) == Delivery(sent=2, suppressed=2)


# What does not arrive


def test_what_passes_is_tried_again_after_a_while(
    settings: Settings, receiver: Receiver, waits: list[float]
) -> None:
    receiver.answers = [503, 500, 429]
    assert night(settings, TODAY, accounts=("a1",)) == Delivery(sent=1)
    assert waits == [7.0, 7.0, 7.0]  # as the answers asked
    assert len({key for key, _ in receiver.requests}) == 1
    assert len(receiver.requests) == 4


def test_a_destination_that_is_down_gets_the_alerts_by_the_next_run(
    settings: Settings, receiver: Receiver, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", "http://127.0.0.1:9/services/secret")
    delivery = night(settings, YESTERDAY, accounts=("a1", "a2"))
    assert (delivery.sent, delivery.pending) == (0, 2)
    assert delivery.problem == "127.0.0.1 cannot be reached (ConnectionError)"
    assert waits == list(alerts.RETRY_SECONDS)  # and the second alert is not tried at all
    assert statuses(settings.published_file) == [
        (YESTERDAY, "a1", "pending"),
        (YESTERDAY, "a2", "pending"),
    ]
    # The next run is a rerun, and drops one of them: what is owed is sent, nothing else.
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", receiver.url)
    delivery = night(settings, YESTERDAY, accounts=("a2", "a3"))
    assert delivery == Delivery(sent=1, suppressed=1)
    assert [body["account_id"] for body in receiver.accepted.values()] == ["a2"]


@pytest.mark.parametrize("status", [400, 302, 404])
def test_an_alert_that_is_refused_holds_up_no_other(
    settings: Settings, receiver: Receiver, waits: list[float], status: int
) -> None:
    receiver.answers = [status]
    delivery = night(settings, TODAY, accounts=("a1", "a2"))
    assert (delivery.sent, delivery.pending, waits) == (1, 1, [])
    assert delivery.problem and delivery.problem.startswith(f"127.0.0.1 answered {status}")
    assert "secret" not in delivery.problem
    assert [body["account_id"] for body in receiver.accepted.values()] == ["a2"]


# Slow receivers: the run lock is held meanwhile


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(alerts, "clock", lambda: self.now)
        monkeypatch.setattr(alerts.time, "sleep", self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_slow_receiver_gets_the_rest_by_the_next_run(
    settings: Settings, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_SECONDS", "5")
    receiver.at_request = lambda: clock.wait(2)
    accounts = ("a1", "a2", "a3", "a4")
    delivery = night(settings, TODAY, accounts=accounts)
    assert (delivery.sent, delivery.pending, clock.now) == (3, 1, 6.0)
    assert delivery.problem == "sending took 5 seconds, as HEALTH_ALERT_SECONDS allows"
    assert statuses(settings.published_file)[-1] == (TODAY, "a4", "pending")
    assert night(settings, TODAY, accounts=accounts) == Delivery(sent=1)
    assert [body["account_id"] for _, body in receiver.requests] == list(accounts)


def test_an_alert_is_not_tried_for_longer_than_its_time(
    settings: Settings, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [503] * 9
    delivery = night(settings, TODAY, accounts=("a1", "a2"))
    assert (delivery.sent, delivery.pending) == (0, 2)
    assert delivery.problem == "127.0.0.1 answered 503 Service Unavailable"
    assert clock.now == 28.0  # four waits of 7 seconds, as the answers asked
    receiver.at_request = lambda: clock.wait(9)
    clock.now = 0.0
    assert night(settings, TODAY, accounts=("a1", "a2")).pending == 2
    assert clock.now <= alerts.ALERT_SECONDS
    assert len({key for key, _ in receiver.requests}) == 1


def test_a_receiver_cannot_ask_for_more_patience_than_a_run_has(
    settings: Settings, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [429]
    receiver.retry_after = "9999999"
    assert night(settings, TODAY, accounts=("a1",)).pending == 1
    assert clock.now == 0.0
    assert night(settings, TODAY, accounts=("a1",)) == Delivery(sent=1)


@pytest.mark.parametrize("asked", ["0", "soon", "-1", "1.5"])
def test_a_time_that_is_none_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_SECONDS", asked)
    with pytest.raises(click.ClickException, match="whole number of seconds"):
        night(settings, TODAY, accounts=("a1",))


# Killed in between


def test_an_alert_that_was_sent_but_not_noted_comes_again_with_the_same_key(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(alerts, "SENT", "select error('killed', ?, ?, ?, ?, ?)")
        with pytest.raises(Exception, match="error"):
            night(settings, TODAY, accounts=("a1",))
    assert night(settings, TODAY, accounts=("a1",)) == Delivery(sent=1)
    assert len(receiver.requests) == 2
    assert len(receiver.accepted) == 1


def test_an_alert_that_was_noted_but_not_published_is_published_by_the_next_run(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(alerts, "SHOW", "select error('killed')")
        with pytest.raises(Exception, match="killed"):
            night(settings, TODAY, accounts=("a1",))
    assert night(settings, TODAY, accounts=("a1",)) == Delivery()
    assert len(receiver.requests) == 1
    assert statuses(settings.published_file) == [(TODAY, "a1", "sent")]


def test_a_run_killed_before_it_announced_is_made_good_by_the_next(
    settings: Settings, receiver: Receiver
) -> None:
    begin(settings, YESTERDAY, YESTERDAY)
    calculate(settings, YESTERDAY)
    raise_alerts(settings, YESTERDAY, "a1")
    assert night(settings, YESTERDAY, TODAY, accounts=("a1",)) == Delivery(sent=2)


def test_the_key_is_the_same_for_the_same_alert_only() -> None:
    def key(**changes: object) -> str:
        fields = {
            "health_date": TODAY,
            "alert_id": "x",
            "account_id": "a",
            "pillar_id": "overall",
            "account_name": None,
            "from_state": None,
            "to_state": "poor",
            "score": None,
            "severity": None,
            "playbook": None,
            "csm_email": None,
            **changes,
        }
        return Alert(**fields).idempotency_key  # type: ignore[arg-type]

    assert key() == key(playbook="Another.", score=1.0, csm_email="kim@example.com")
    others = [
        key(health_date=YESTERDAY),
        key(alert_id="y"),
        key(account_id="b"),
        key(pillar_id="p"),
    ]
    assert len({key(), *others}) == 5
