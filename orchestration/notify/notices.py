"""Notices for operators: a run that failed, checks that failed. To the log, or to a webhook.

They go where HEALTH_NOTICE_URL says (a Slack-compatible incoming webhook, plain text as `text`);
without it they are in Dagster's log only. The alerts of accounts have their own way (`alerts.py`).
"""

import os

from orchestration.base import escaping
from orchestration.notify.webhooks import NotDelivered, Webhook

SETTING = "HEALTH_NOTICE_URL"


def receiver() -> Webhook | None:
    """Who is to have the notices; raises click.ClickException for what is no address."""
    address = os.environ.get(SETTING)
    return Webhook.at(SETTING, address) if address else None


def notify(text: str) -> bool:
    """Send a notice; whether there is somebody to send it to. Raises NotDelivered."""
    webhook = receiver()
    if webhook is None:
        return False
    try:
        webhook.post(escaping.slack_message(text))
    except NotDelivered as problem:
        raise NotDelivered(f"The notice was not sent: {problem}.", problem.may_pass) from None
    return True
