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

import click

from orchestration.base import escaping
from orchestration.base.figures import shown_score
from orchestration.notify.webhooks import Webhook

SETTING = "HEALTH_ALERT_DESTINATION"
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
        manager = self.csm_email and f"Success manager: {self.csm_email}"
        return escaping.line(" ".join(part for part in (self.text_for_log, manager) if part))

    @property
    def text_for_log(self) -> str:
        """The same without the manager, a person, whom a log would keep."""
        name = f"{self.account_name} ({self.account_id})" if self.account_name else self.account_id
        states = f"{self.from_state or 'new'} to {self.to_state}"
        score = "" if self.score is None else f", score {shown_score(self.score)}"
        parts = [
            f"{self.severity or 'alert'}: {name}, {self.pillar_id} {states}{score} on"
            f" {self.health_date} ({self.alert_id}).",
            self.playbook,
        ]
        return escaping.line(" ".join(part for part in parts if part))


# Delivers one alert within so many seconds, or raises NotDelivered.
Destination = Callable[[Alert, float], None]


def destination_from_environment(log: Callable[[str], None]) -> Destination:
    """The destination that HEALTH_ALERT_DESTINATION names; raises click.ClickException."""
    asked = os.environ.get(SETTING) or "log"
    if asked == "log":
        return lambda alert, seconds: log(alert.text_for_log)
    try:
        webhook = Webhook.at(SETTING, asked.removeprefix("slack+"))
    except click.ClickException as problem:
        raise click.ClickException(
            f"{problem.message} It is `log`, the address of a webhook, or `slack+https://...` for"
            " one that takes Slack's messages."
        ) from None
    body = slack_body if asked.startswith("slack+") else json_body
    return lambda alert, seconds: webhook.post(
        body(alert), {"Idempotency-Key": alert.idempotency_key}, seconds
    )


def json_body(alert: Alert) -> dict[str, object]:
    fields = asdict(alert) | {"health_date": alert.health_date.isoformat()}
    return {"idempotency_key": alert.idempotency_key, **fields, "text": alert.text}


def slack_body(alert: Alert) -> dict[str, object]:
    return escaping.slack_message(alert.text)
