"""What a run was asked for: everything, or a part that somebody chose in Dagster.

A part of dbt is built with all that it is calculated from. Tables between raw and history hold the
dates of the last run only: what was built from them alone would be of other dates, or empty.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.dbt_runner.manifest import with_ancestors

HISTORY_STRATEGY = "replace_health_dates"
# The model that reads what the checks of raw tables say, and the history of what it says.
SOURCES = "model.health.int_evaluated_sources"
SOURCE_STATUS = "model.health.source_status"


@dataclass(frozen=True)
class Everything:
    """All asset keys that a run of everything makes, and all its steps."""

    keys: Set[dg.AssetKey]
    steps: Set[str]

    @classmethod
    def of(cls, definitions: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> "Everything":
        made = [each for each in definitions if isinstance(each, dg.AssetsDefinition)]
        return cls(
            frozenset(key for each in made for key in each.keys),
            frozenset(each.op.name for each in made),
        )

    def is_asked_of(self, run: dg.DagsterRun) -> bool:
        """Whether the run does all of it; checks that were left out make no difference."""
        # A job that runs in this process (`health run`) has an empty selection in place of none.
        are_all = (
            run.asset_selection >= self.keys
            if run.asset_selection
            else not run.asset_check_selection
        )
        steps = run.step_keys_to_execute
        return (
            are_all
            and (steps is None or self.steps <= set(steps))
            and run.resolved_op_selection is None
        )


@dataclass(frozen=True)
class DbtPart:
    """Nodes that dbt is to build.

    names: as `--select` takes them; none: all. history: how many of the history tables are among
    them. reads_raw_checks: whether what the checks of raw tables say decides of the result.
    """

    names: list[str]
    writes_history: bool
    writes_all_history: bool
    reads_raw_checks: bool


def dbt_part(manifest: Mapping[str, Any], models: Iterable[str], tests: Iterable[str]) -> DbtPart:
    """The models and seeds with these ids and all that they rest on, and the tests by name.

    With what sources are worth comes their history: it says which dates were calculated.
    """
    nodes = manifest["nodes"]
    built = with_ancestors(manifest, models)
    if SOURCES in built:
        built.add(SOURCE_STATUS)
    history = {name for name, node in nodes.items() if is_history(node)}
    return DbtPart(
        names=sorted({*(nodes[name]["name"] for name in built), *tests}),
        writes_history=bool(history & built),
        writes_all_history=history <= built,
        reads_raw_checks=SOURCES in built,
    )


def is_history(node: Mapping[str, Any]) -> bool:
    """Whether a run replaces the rows of its health dates and leaves others."""
    return node.get("config", {}).get("incremental_strategy") == HISTORY_STRATEGY
