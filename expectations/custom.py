"""Custom expectations, and the suite of a table's checks.

Most checks compare figures that SQL worked out, such as the rows of a week for each row of a usual
week. Each thing that they expect has a class, whose docstring begins with it in the words that the
Data Docs show; `kinds` are the kinds of check (`checks.KINDS`) that expect it.
"""

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import BatchExpectation, Expectation
from great_expectations.render import LegacyDiagnosticRendererType, RenderedTableContent
from great_expectations.render.renderer.renderer import renderer

from expectations.checks import Check, number_text
from expectations.reports import RECORD

RECORDS_SHOWN = 50


class ShowsRecords(Expectation):
    """The failing records in the Data Docs, latest first, and who does what about them."""

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_TABLE)
    def _diagnostic_unexpected_table_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None
    ) -> Any:
        records = result.result.get("unexpected_index_list") if result else None
        if not records:
            return None
        meta = result.expectation_config.meta
        rows = [
            [
                str(record["health_date"]),
                record["record_key"],
                number_text(record[meta["title"]]),
                record["detail"] or "",
                record["owner"] or meta["owner"],
            ]
            for record in reversed(records[-RECORDS_SHOWN:])
        ]
        more = len(records) - len(rows)
        rows += [[f"and {more:,} more", *[""] * 4]] if more else []
        rows += [["What to do", meta["what_to_do"], *[""] * 3]]
        return [
            RenderedTableContent(
                content_block_type="table",
                header_row=["Health date", "Record", "Observed", "Detail", "Owner"],
                table=rows,
                styling={"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}},
            )
        ]


class ExpectValuesToBeBetween(ShowsRecords, gxe.ExpectColumnValuesToBeBetween):
    """Expect no value outside of the bounds."""

    kinds: ClassVar[tuple[str, ...]] = ("metric_range", "score_range", "pillar_rows")


class ExpectFigureToBeBetween(ShowsRecords, BatchExpectation):
    """Expect a figure of each record to lie between bounds.

    A record is a row of a small frame: a health date of a table, metric, account or segment.
    Records without a figure pass. The frame is looked at once, which also names the failing
    records; a built-in expectation asks for several metrics, and for more to name them.

    `figure` is the frame's column, `column` the column of the checked table that it tells of.
    """

    figure: str
    column: str | None = None
    min_value: float | None = None
    max_value: float | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("figure", "column", "min_value", "max_value")
    kinds: ClassVar[tuple[str, ...]] = ()

    def _validate(
        self, metrics: dict, runtime_configuration: dict | None = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        frame = execution_engine.get_domain_records({})
        figures = frame[self.figure]
        is_outside = frame.index < 0
        if self.min_value is not None:
            is_outside |= figures < self.min_value
        if self.max_value is not None:
            is_outside |= figures > self.max_value
        count, failing = int(figures.count()), int(is_outside.sum())
        records = (
            frame.loc[is_outside, [*RECORD, self.figure]].to_dict("records") if failing else []
        )
        spread = dict.fromkeys(map(number_text, (figures.min(), figures.max()))) if count else ()
        return {
            "success": not failing,
            "result": {
                "observed_value": " to ".join(spread) or "too little to compare with",
                "element_count": count,
                "unexpected_count": failing,
                "unexpected_percent": 100 * failing / count if count else None,
                "unexpected_index_list": records,
            },
        }


class ExpectTableToBeReadable(ExpectFigureToBeBetween):
    """Expect the files of the table to be there, whole, and to have the columns that it needs."""

    kinds = ("readable", "present")


class ExpectRowsToBeKept(ExpectFigureToBeBetween):
    """Expect nothing that was counted on an earlier health date to be gone."""

    kinds = ("rows_kept", "accounts_kept")


class ExpectColumnsToBeKept(ExpectFigureToBeBetween):
    """Expect the columns that metrics rest on to be there and filled."""

    kinds = ("columns_kept", "columns_there")


class ExpectVolumeToBeUsual(ExpectFigureToBeBetween):
    """Expect as many as usual: the median of up to four earlier periods of the same weekdays."""

    kinds = ("volume", "distinct_values", "accounts_seen")


class ExpectNoEmptyDays(ExpectFigureToBeBetween):
    """Expect rows on every day on whose weekday there usually are some."""

    kinds = ("empty_days",)


class ExpectRowsToBeFresh(ExpectFigureToBeBetween):
    """Expect the table to have gone on up to the health date."""

    kinds = ("freshness_hours",)


class ExpectColumnNullShareToBeBetween(ExpectFigureToBeBetween):
    """Expect values not to be null, but for a share of the rows.

    Of a profile what ExpectColumnValuesToNotBeNull with `mostly` says of rows.
    """

    kinds = ("null_share", "signal_missing")


class ExpectNullShareNotToRise(ExpectFigureToBeBetween):
    """Expect no more values to be missing than before."""

    kinds = ("null_share_rise", "missing_rise")


class ExpectColumnValueShareOutsideSetToBeBetween(ExpectFigureToBeBetween):
    """Expect values to belong to a set: the known words, or those that occurred before.

    Of a profile what ExpectColumnValuesToBeInSet with `mostly` says of rows.
    """

    kinds = ("vocabulary", "new_values")


class ExpectLevelToBeUsual(ExpectFigureToBeBetween):
    """Expect values of the usual order of magnitude: another one tells of another unit."""

    kinds = ("level", "lag", "metric_level")


class ExpectRowShareToBeBetween(ExpectFigureToBeBetween):
    """Expect few such rows among those that were validated."""

    kinds = (
        "future_share",
        "rejected_share",
        "changed_share",
        "unknown_accounts",
        "unmatched_users",
        "duplicate_share",
    )


class ExpectDistributionNotToDrift(ExpectFigureToBeBetween):
    """Expect the same distribution as before."""

    kinds = ("metric_drift", "state_mix", "state_flips", "hour_shift")


class ExpectAccountsToBeCalculated(ExpectFigureToBeBetween):
    """Expect every account to have its row, in its segment, with nothing to look into."""

    kinds = ("accounts_calculated", "to_review", "unknown_membership")


class ExpectDatesToBeComplete(ExpectFigureToBeBetween):
    """Expect the health dates that have begun, and no others, to be calculated."""

    kinds = ("missed_nights", "dates_to_come")


class ExpectConfigurationToMatter(ExpectFigureToBeBetween):
    """Expect every row of the configuration to tell accounts apart."""

    kinds = (
        "segment_reached",
        "met_share",
        "threshold_beyond",
        "rules_overlap",
        "weight_without_score",
    )


CUSTOM: tuple[Any, ...] = (ExpectValuesToBeBetween, *ExpectFigureToBeBetween.__subclasses__())
EXPECTATIONS = {kind: expectation for expectation in CUSTOM for kind in expectation.kinds}


def suite_of(name: str, checks: Iterable[Check]) -> gx.ExpectationSuite:
    """The suite of a table's checks."""
    return gx.ExpectationSuite(name=name, expectations=[expectation_of(check) for check in checks])


def expectation_of(check: Check) -> gxe.Expectation:
    """The expectation of a check, on the frame's column of its title."""
    expectation = EXPECTATIONS[check.check_name]
    is_figure = issubclass(expectation, ExpectFigureToBeBetween)
    columns = {"figure": check.title, "column": check.column_name}
    return expectation(
        **(columns if is_figure else {"column": check.title}),
        min_value=check.minimum,
        max_value=check.maximum,
        severity=check.severity,
        description=description_of(check, expectation),
        meta={"title": check.title, "owner": check.owner, "what_to_do": check.what_to_do},
    )


def description_of(check: Check, expectation: type) -> str:
    """What the Data Docs say of a check: what is expected, what is measured, the bounds."""
    [doc, *_] = (inspect.getdoc(expectation) or "").split("\n\n")
    window = f" Window: {check.window_days} days." if check.window_days else ""
    return f"{check.title}: {check.expected}.{window} {' '.join(doc.split())}"
