"""Notices for operators: a run that failed, checks that failed. To the log, or to a webhook.

They go where HEALTH_NOTICE_URL says (a Slack-compatible incoming webhook, plain text as `text`);
without it they are in Dagster's log only. The alerts of accounts have their own way (`alerts.py`).
"""

import os

import requests

from orchestration import harmless

TIMEOUT_SECONDS = 10


class NotDelivered(Exception):
    """The receiver did not take the notice; the address, a secret, is not in the message."""


def notify(text: str) -> bool:
    """Send a notice; whether there is somebody to send it to."""
    url = os.environ.get("HEALTH_NOTICE_URL")
    if not url:
        return False
    try:
        answer = requests.post(url, json=harmless.slack_message(text), timeout=TIMEOUT_SECONDS)
    except requests.RequestException as problem:
        raise NotDelivered(f"The notice was not sent: {type(problem).__name__}.") from None
    if not answer.ok:
        raise NotDelivered(f"The notice was not sent: the receiver answered {answer.status_code}.")
    return True
