"""Destinations of alerts: the log, a JSON webhook, or one that takes Slack's body.

`HEALTH_ALERT_DESTINATION` names it: `log`, `https://...` or `slack+https://...`. The address of a
webhook is a secret, so no message shows more of it than the host.
"""

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from urllib.parse import urlsplit

import click
import requests

from orchestration import harmless

TIMEOUT_SECONDS = 10
# What may pass: too early, too many requests, time-outs; and every answer from 500 on.
PASSING = {408, 425, 429}
KEYS = uuid.UUID("6f0c7c3e-3f0b-5b52-9a53-8f6f0e0e7a51")


@dataclass(frozen=True)
class Alert:
    """What somebody is to be told: a row of `health_alerts`, with the account's name and score."""

    health_date: date
    alert_id: str
    account_id: str
    pillar_id: str
    account_name: str | None
    from_state: str | None
    to_state: str
    score: float | None
    severity: str | None
    playbook: str | None
    csm_email: str | None

    @property
    def key(self) -> tuple[date, str, str, str]:
        return self.health_date, self.alert_id, self.account_id, self.pillar_id

    @property
    def idempotency_key(self) -> str:
        """The same for the same alert whenever it is sent, so that a receiver can drop repeats."""
        return str(uuid.uuid5(KEYS, json.dumps([str(part) for part in self.key])))

    @property
    def text(self) -> str:
        name = f"{self.account_name} ({self.account_id})" if self.account_name else self.account_id
        states = f"{self.from_state or 'new'} to {self.to_state}"
        score = "" if self.score is None else f", score {self.score:.2f}"
        parts = [
            f"{self.severity or 'alert'}: {name}, {self.pillar_id} {states}{score} on"
            f" {self.health_date} ({self.alert_id}).",
            self.playbook,
            self.csm_email and f"Success manager: {self.csm_email}",
        ]
        return harmless.line(" ".join(part for part in parts if part))


class NotDelivered(Exception):
    """An alert did not arrive; may_pass: another try may help, after so many seconds if known."""

    def __init__(self, message: str, may_pass: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        self.retry_after = retry_after


# Delivers one alert, or raises NotDelivered.
Destination = Callable[[Alert], None]


def destination_from_environment(log: Callable[[str], None]) -> Destination:
    """The destination that HEALTH_ALERT_DESTINATION names; raises click.ClickException."""
    asked = os.environ.get("HEALTH_ALERT_DESTINATION") or "log"
    if asked == "log":
        return lambda alert: log(alert.text)
    is_slack = asked.startswith("slack+")
    url = asked.removeprefix("slack+")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.ClickException(
            "HEALTH_ALERT_DESTINATION is neither `log`, nor the address of a webhook such as"
            " `https://example.com/alerts`, nor one that takes Slack's messages such as"
            " `slack+https://hooks.slack.com/services/...`."
        )
    body = slack_body if is_slack else json_body
    return lambda alert: post(url, parts.hostname or "", body(alert), alert.idempotency_key)


def json_body(alert: Alert) -> dict[str, object]:
    fields = asdict(alert) | {"health_date": alert.health_date.isoformat()}
    return {"idempotency_key": alert.idempotency_key, **fields, "text": alert.text}


def slack_body(alert: Alert) -> dict[str, object]:
    return harmless.slack_message(alert.text)


def post(url: str, host: str, body: dict[str, object], idempotency_key: str) -> None:
    try:
        answer = requests.post(
            url,
            json=body,
            headers={"Idempotency-Key": idempotency_key},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,  # would turn into a request without the body
        )
    except requests.RequestException as problem:
        reason = type(problem).__name__
        raise NotDelivered(f"{host} cannot be reached ({reason})", may_pass=True) from None
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(
            f"{host} answered {answer.status_code} {answer.reason}",
            may_pass=answer.status_code in PASSING or answer.status_code >= 500,
            retry_after=seconds(answer.headers.get("Retry-After")),
        )


def seconds(retry_after: str | None) -> float | None:
    """Seconds that an answer asks to wait; a date, which it may name instead, is not looked at."""
    return float(retry_after) if retry_after and retry_after.isdigit() else None
