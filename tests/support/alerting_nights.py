"""A night of a hand-made warehouse, from its dates to its alerts."""

from datetime import date

from small_warehouse import calculate, raise_alerts

from orchestration.base.settings import Settings
from orchestration.notify.alerts import Delivery, send_alerts
from orchestration.publishing.publication import publish
from orchestration.warehouse.unfinished import begin, finish


def night(settings: Settings, *days: date, accounts: tuple[str, ...] = ()) -> Delivery:
    """A run of some dates, in which accounts turned poor on each."""
    begin(settings, days[0], days[-1])
    for day in days:
        calculate(settings, day)
        raise_alerts(settings, day, *accounts)
    publish(settings, "run", days[0], days[-1])
    delivery = send_alerts(settings, "run", days[0], days[-1])
    finish(settings, days[0], days[-1])
    return delivery
