"""The assets, in the order of a run: raw tables, their checks, what dbt builds, the checks of that,
what is published, and the alerts."""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import UTC
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

import expectations
from orchestration.assets import asset_checks
from orchestration.assets.dbt_events import asset_events, unique_id
from orchestration.assets.source_observations import source_observations
from orchestration.base import progress
from orchestration.base.figures import plural
from orchestration.dbt_runner import dbt_build
from orchestration.dbt_runner.copied_tables import copied_tables
from orchestration.notify.alerts import send_alerts
from orchestration.publishing.publication import Publication, publish
from orchestration.runs.health_run import HealthRun, attempt, failures_in_words
from orchestration.runs.partitions import HEALTH_DATES
from orchestration.runs.selection import SOURCES, DbtPart, dbt_part, is_history
from orchestration.warehouse import spark_copy
from orchestration.warehouse.health_dates import Range, in_words
from orchestration.warehouse.published import reading_published

SOURCE_CHECK_FAILURES = dg.AssetKey(["checks", "source_check_failures"])
CHECK_RESULTS = dg.AssetKey(["checks", "check_results"])
CHECK_FAILURES = dg.AssetKey(["checks", "check_failures"])
DATA_DOCS = dg.AssetKey(["checks", "data_docs"])
PUBLISHED = dg.AssetKey(["published", "account_health"])
ALERTS = dg.AssetKey(["published", "alerts"])

SINGLE_RUN = dg.BackfillPolicy.single_run()
RESOURCES = {"health_run"}


class LayersTranslator(DagsterDbtTranslator):
    """dbt's nodes as assets: grouped by layer, history by health date."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        if dbt_resource_props["resource_type"] == "seed":
            return "configuration"
        if dbt_resource_props["resource_type"] == "source":
            return dbt_resource_props["source_name"]
        return dbt_resource_props["fqn"][1]  # the folder of the layer

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition | None:
        return HEALTH_DATES if is_history(dbt_resource_props) else None

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id == SOURCES:
            # The model looks for this table itself, because dbt also runs without the checks.
            return spec.merge_attributes(deps=[SOURCE_CHECK_FAILURES])
        return spec


TRANSLATOR = LayersTranslator()


def sources(manifest: Mapping[str, Any], *names: str) -> list[dg.AssetSpec]:
    """The tables of some of dbt's sources."""
    return [
        TRANSLATOR.get_asset_spec(manifest, unique_id, None).replace_attributes(skippable=False)
        for unique_id, source in manifest["sources"].items()
        if source["source_name"] in names
    ]


def dependencies(manifest: Mapping[str, Any], *keys: dg.AssetKey) -> list[dg.AssetDep]:
    """What an asset without partitions rests on: of history, the latest health date.

    Of all health dates Dagster would list every one since the first that there can be, in each
    step, which takes seconds.
    """
    history = {
        TRANSLATOR.get_asset_key(node) for node in manifest["nodes"].values() if is_history(node)
    }
    latest = dg.LastPartitionMapping()
    return [dg.AssetDep(key, partition_mapping=latest if key in history else None) for key in keys]


def source_checks(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Validates the raw data before dbt reads it."""

    @dg.multi_asset(
        name="source_checks",
        specs=[
            dg.AssetSpec(
                SOURCE_CHECK_FAILURES,
                deps=[spec.key for spec in sources(manifest, "raw")],
                # Not with the other checks, which come last: the graph would go in circles.
                group_name="raw",
                description="Raw tables that failed a critical check: their pillars are not"
                " calculated on that date. One row per health date, table and check.",
                kinds={"greatexpectations", "duckdb"},
            )
        ],
        check_specs=asset_checks.check_specs("raw"),
        allow_arbitrary_check_specs=True,
        can_subset=True,
        backfill_policy=SINGLE_RUN,
        required_resource_keys=RESOURCES,
    )
    def source_checks(context: dg.AssetExecutionContext):
        run: HealthRun = context.resources.health_run
        reports = attempt(lambda: validated_raw(run), context.log.warning)
        failed = [result for report in reports for result in report.failed]
        if SOURCE_CHECK_FAILURES in context.selected_asset_keys:
            yield dg.MaterializeResult(
                SOURCE_CHECK_FAILURES,
                metadata={
                    "health dates": ", ".join(in_words(*dates) for dates in run.ranges),
                    "failed": len(failed),
                    "failed, critical": sum(r.check.severity == "critical" for r in failed),
                    "documentation": asset_checks.docs_link(),
                },
            )
        results = [result for report in reports for result in report.results]
        yield from asset_checks.answers(context, results)

    return source_checks


def validated_raw(run: HealthRun) -> list[expectations.Report]:
    if run.is_whole:
        run.begin()
    return run.validate("raw")


def dbt_models(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All that dbt builds and tests."""

    @dbt_assets(
        manifest=manifest,
        name="dbt_build",
        exclude="resource_type:unit_test",
        dagster_dbt_translator=TRANSLATOR,
        backfill_policy=SINGLE_RUN,
        required_resource_keys=RESOURCES,
    )
    def dbt_models(context: dg.AssetExecutionContext):
        run: HealthRun = context.resources.health_run
        # Not the keys of `context.assets_def`, which is as small as what was chosen.
        part = selected(context, manifest, dbt_models.keys)
        events: list[dbt_build.Event] = []
        try:
            attempt(
                lambda: built(run, part, events, manifest, context.log.info), context.log.warning
            )
        except dg.Failure:
            yield from recorded(context, events)  # what was built, and which test it was
            raise
        yield from recorded(context, events)

    def recorded(context: dg.AssetExecutionContext, events: list[dbt_build.Event]) -> Iterator[Any]:
        settings = context.resources.health_run.settings
        progress.report("Recording what was built")
        is_all = context.selected_asset_keys == dbt_models.keys
        asked_for = [event for event in events if is_all or is_selected(event, context, manifest)]
        yield from asset_events(context, manifest, TRANSLATOR, settings, asked_for)

    return dbt_models


def built(
    run: HealthRun,
    part: DbtPart,
    events: list[dbt_build.Event],
    manifest: Mapping[str, Any],
    log: Callable[[str], None],
) -> None:
    """Calculate the dates of the run; the events are those of the dates that it was asked for."""
    events.clear()
    if run.is_whole or part.writes_history:
        run.begin()
    if part.reads_raw_checks:
        run.validate("raw")  # at hand already in a run of everything
    if run.settings.is_on_spark:
        spark_copy.send(run.settings, *run.span)
        dbt_build.load_raw_values(run.settings, *run.span)
    for dates in run.ranges:
        is_asked = dates[0] <= run.asked[0] <= dates[1]
        progress.report(f"Calculating {in_words(*dates)}", latest="dbt is starting")
        dbt_build.build(
            run.settings,
            *dates,
            reporting(in_words(*dates), log),
            on_result=events.append if is_asked else lambda event: None,
            select=part.names,
        )
    if run.settings.is_on_spark:
        spark_copy.copy(run.settings, list(copied_tables(manifest)), *run.span)
    if part.writes_all_history:
        run.calculated()


def selected(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], everything: Set[dg.AssetKey]
) -> DbtPart:
    """The nodes that dbt is to build: all, or those that the run is for."""
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed")
    }
    if context.selected_asset_keys == everything:
        return replace(dbt_part(manifest, models, ()), names=[])
    chosen = [
        unique_id
        for unique_id, node in models.items()
        if TRANSLATOR.get_asset_key(node) in context.selected_asset_keys
    ]
    tests = () if chosen else [key.name for key in context.selected_asset_check_keys]
    return dbt_part(manifest, chosen, tests)


def is_selected(
    event: dbt_build.Event, context: dg.AssetExecutionContext, manifest: Mapping[str, Any]
) -> bool:
    """Whether the run is for the node; not for what others rest on, which was built as well."""
    node = manifest["nodes"].get(unique_id(event))
    if node is None:
        return False
    if node["resource_type"] == "test":
        return node["name"] in {key.name for key in context.selected_asset_check_keys}
    return TRANSLATOR.get_asset_key(node) in context.selected_asset_keys


def reporting(dates: str, log: Callable[[str], None]) -> Callable[[dbt_build.Progress], None]:
    """Reports each node to the console, and to the log of the run those that went wrong."""

    def report(done: dbt_build.Progress) -> None:
        progress.report(f"Calculating {dates}", done.done, done.total, done.name)
        if not done.is_ok:
            log(f"{done.name} failed or was skipped.")

    return report


def result_checks(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Validates what was calculated, and writes what all checks of the run say."""
    written = sources(manifest, "checks")
    validated = [check.asset_key for check in asset_checks.check_specs("pillars", "health")]

    @dg.multi_asset(
        name="result_checks",
        specs=[
            spec.replace_attributes(
                deps=dependencies(manifest, SOURCE_CHECK_FAILURES, *dict.fromkeys(validated))
            )
            for spec in written
        ],
        check_specs=asset_checks.check_specs("pillars", "health"),
        allow_arbitrary_check_specs=True,
        can_subset=True,
        backfill_policy=SINGLE_RUN,
        required_resource_keys=RESOURCES,
    )
    def result_checks(context: dg.AssetExecutionContext):
        run: HealthRun = context.resources.health_run
        reports = attempt(lambda: validated_and_written(run), context.log.warning)
        results = [result for report in reports for result in report.results]
        failed = [result for result in results if not result.passed]
        if failed:
            checks = len({result.check for result in failed})
            progress.note(
                f"{plural(checks, 'check')} failed: `health failures` says which, and who acts."
            )
        counts = {
            CHECK_RESULTS: len(results),
            CHECK_FAILURES: sum(len(result.failures) for result in failed),
        }
        for observation in source_observations(run.settings, run.asked[1]):
            context.log_event(observation)
        for spec in (spec for spec in written if spec.key in context.selected_asset_keys):
            yield dg.MaterializeResult(
                spec.key,
                metadata={
                    "rows of this run": counts[spec.key],
                    "documentation": asset_checks.docs_link(),
                },
            )
        validated_here = [result for result in results if result.check.boundary != "raw"]
        yield from asset_checks.answers(context, validated_here)

    return result_checks


def validated_and_written(run: HealthRun) -> list[expectations.Report]:
    reports = run.reports
    progress.report("Writing what the checks say")
    expectations.write_check_tables(run.settings, reports)
    return reports


@dg.asset(
    key=DATA_DOCS,
    deps=[CHECK_RESULTS, CHECK_FAILURES],
    group_name="checks",
    description="The answers of Great Expectations as pages, rebuilt by every run.",
    kinds={"greatexpectations"},
    backfill_policy=SINGLE_RUN,
    required_resource_keys=RESOURCES,
    output_required=False,
    # After what readers and receivers wait for.
    op_tags={"dagster/priority": "-1"},
)
def data_docs(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    run: HealthRun = context.resources.health_run
    with failures_in_words():
        is_written = run.document(context.log.warning)
    if is_written:
        yield dg.MaterializeResult(metadata={"documentation": asset_checks.docs_link()})


def publication(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """What readers see, replaced in one step if nothing that was calculated blocks it."""
    published = [
        TRANSLATOR.get_asset_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "health"
    ]

    @dg.asset(
        key=PUBLISHED,
        deps=dependencies(
            *(manifest, SOURCE_CHECK_FAILURES, CHECK_RESULTS, CHECK_FAILURES),
            *published,
        ),
        group_name="published",
        description="What readers see: schema `health` as a DuckDB file and as Parquet.",
        kinds={"duckdb", "parquet"},
        backfill_policy=SINGLE_RUN,
        required_resource_keys=RESOURCES,
    )
    def account_health(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: HealthRun = context.resources.health_run
        done = attempt(lambda: published_run(run, context.log.warning), context.log.warning)
        for note in done.notes:
            context.log.warning(note)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(run.settings.published_file)),
                "bytes": run.settings.published_file.stat().st_size,
                "configuration": done.config_version,
                "history": in_words(done.first_health_date, done.last_health_date),
                "published at": dg.MetadataValue.timestamp(done.published_at.replace(tzinfo=UTC)),
                "partitions written": done.partitions,
            }
        )

    return account_health


def published_run(run: HealthRun, log: Callable[[str], None]) -> Publication:
    run.refuse_half_calculated()
    blocking = expectations.blocking_failures(run.reports)
    if blocking:
        run.document(log)  # here, because what fails may end the run
        raise dg.Failure(why_not_published(blocking), allow_retries=False)
    progress.report("Publishing")
    published = publish(run.settings, run.run_id, *run.span)
    if run.settings.is_on_spark:
        spark_copy.note_publication(run.settings, run.run_id, published.config_version, *run.span)
    return published


def why_not_published(blocking: list[expectations.CheckResult]) -> str:
    """What blocks, in words; the latest date of each check."""
    latest = {result.check: result for result in blocking}
    lines = [
        f"{check.table_name}, {check.label} on {result.health_date}: {result.observed},"
        f" expected {result.expected}. {check.owner}: {check.what_to_do}"
        for check, result in latest.items()
    ]
    return (
        f"Not published, because {plural(len(latest), 'critical check')} failed; readers keep what"
        " they have.\n  - " + "\n  - ".join(lines)
    )


@dg.asset(
    key=ALERTS,
    deps=[PUBLISHED],
    group_name="published",
    description="The news among the alerts, sent to whoever asked for them.",
    backfill_policy=SINGLE_RUN,
    required_resource_keys=RESOURCES,
)
def alerts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    run: HealthRun = context.resources.health_run
    with failures_in_words():
        run.refuse_half_calculated()
        progress.report("Sending alerts")
        sent = send_alerts(run.settings, run.run_id, *published_dates(run), context.log.info)
        if sent.problem:
            waits = "wait" if sent.pending != 1 else "waits"
            waiting = f"{plural(sent.pending, 'alert')} {waits} for the next run: {sent.problem}"
            context.log.warning(waiting)
            progress.note(waiting)
        run.finish()
    return dg.MaterializeResult(
        metadata={
            "sent": sent.sent,
            "waiting": sent.pending,
            "no news": sent.suppressed,
            **({"problem": sent.problem} if sent.problem else {}),
        }
    )


def published_dates(run: HealthRun) -> Range:
    """The dates of the run; without those later than what is published, which are no news yet."""
    with reading_published(run.settings) as published:
        [(latest,)] = published.execute(
            "select max(health_date) from health.source_status"
        ).fetchall()
    return min(run.span[0], latest), min(run.span[1], latest)


def all_assets(manifest: Mapping[str, Any]) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    # What others fill, or a run on its way.
    yield from sources(manifest, "raw", "operations")
    yield source_checks(manifest)
    yield dbt_models(manifest)
    yield result_checks(manifest)
    yield publication(manifest)
    yield alerts
    yield data_docs
