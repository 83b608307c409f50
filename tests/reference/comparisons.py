"""The measures that compare another metric: docs/measures.md, "Measures of metrics".

A change compares a metric with what it was, a deviation with what it is for the account's peers, so
that all accounts of a health date are looked at together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median

from .configuration import Configuration, Metric
from .facts import Facts, facts_on, midnight
from .measures import Number, measured
from .signals import signal_values
from .values import rounded

MINIMUM_PEERS = 5

MetricValues = dict[str, Number | None]
Change = Callable[[float, float], float | None]


def metric_values(
    all_facts: Sequence[Facts], configuration: Configuration, main_times: Mapping[str, str]
) -> list[MetricValues]:
    """The values of all metrics, for each of the accounts in scope on one health date."""
    metrics = {metric.metric_id: metric for metric in configuration.metrics}
    values: list[MetricValues] = [
        {
            metric.metric_id: measured(facts, metric)
            for metric in configuration.metrics
            if metric.base_metric is None
        }
        for facts in all_facts
    ]
    for metric in configuration.metrics:
        if metric.base_metric is None:
            continue
        base = metrics[metric.base_metric]
        if metric.measure == "peer_deviation":
            bases = [_base_value(one[base.metric_id]) for one in values]
            groups = [_peer_group(facts, metric, configuration) for facts in all_facts]
            found = _deviations(bases, groups)
        else:
            found = [
                _change(facts, metric, base, _base_value(one[base.metric_id]), main_times)
                for facts, one in zip(all_facts, values, strict=True)
            ]
        for one, value in zip(values, found, strict=True):
            one[metric.metric_id] = value
    return values


def _base_value(value: Number | None) -> float | None:
    """As conditions compare it."""
    return None if value is None else rounded(value)


def _change(
    facts: Facts,
    metric: Metric,
    base: Metric,
    value: float | None,
    main_times: Mapping[str, str],
) -> float | None:
    earlier_day = facts.health_date - timedelta(days=metric.window_days)
    if facts.account.created_at >= midnight(earlier_day + timedelta(days=1)):
        return None
    earlier_facts = facts_on(
        facts.account, earlier_day, facts.tables, main_times, facts.columns, facts.plan_ranks
    )
    earlier = _base_value(measured(earlier_facts, base))
    if value is None or earlier is None:
        return None
    return CHANGES[metric.measure](value, earlier)


def metric_change(value: float, earlier: float) -> float:
    return value - earlier


def metric_change_ratio(value: float, earlier: float) -> float | None:
    return None if earlier == 0 else value / earlier - 1


CHANGES: dict[str, Change] = {
    "metric_change": metric_change,
    "metric_change_ratio": metric_change_ratio,
}


def _peer_group(facts: Facts, metric: Metric, configuration: Configuration) -> object:
    """What the account shares with its peers; None where it has none."""
    if facts.account.created_at >= facts.day_start:
        return None
    if metric.peer_attribute is None:
        return "all accounts"
    return signal_values(facts, configuration, {})[metric.peer_attribute]


def _deviations(bases: Sequence[float | None], groups: Iterable[object]) -> list[float | None]:
    """Of each account from the median of its peers, itself among them."""
    places: dict[object, list[int]] = {}
    for place, group in enumerate(groups):
        if group is not None and bases[place] is not None:
            places.setdefault(group, []).append(place)
    found: list[float | None] = [None] * len(bases)
    for members in places.values():
        if len(members) < MINIMUM_PEERS:
            continue
        usual = median(bases[place] for place in members)
        spread = median(abs(bases[place] - usual) for place in members)
        if rounded(spread) > 0:
            for place in members:
                found[place] = (bases[place] - usual) / spread
    return found
