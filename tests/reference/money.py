"""What an amount of another currency is worth in the reporting currency."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from types import SimpleNamespace


class Rates:
    """The valid exchange rates; a currency's latest on or before a day, else its earliest."""

    def __init__(
        self, records: Iterable[SimpleNamespace] = (), reporting_currency: str = ""
    ) -> None:
        self._reporting_currency = reporting_currency.strip().lower()
        self._rates: dict[str, list[tuple[date, float]]] = defaultdict(list)
        for record in records:
            self._rates[record.currency].append((record.rate_on.date(), record.rate))

    def rate(self, currency: str | None, moment: datetime) -> float | None:
        """What one unit is worth on the moment's day; None: the currency has no rate."""
        if currency is None or currency.lower() == self._reporting_currency:
            return 1.0
        rates = sorted(self._rates.get(currency.lower(), ()))
        if not rates:
            return None
        before = [rate for day, rate in rates if day <= moment.date()]
        return before[-1] if before else rates[0][1]
