"""Expectation suites as code: what checks.csv asks of the columns of a subject's frame."""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.checks import Check
from expectations.validation import Subject


def suite_of(subject: Subject) -> gx.ExpectationSuite:
    """The suite of a subject. Empty frames and missing numbers pass all but the row count, so that
    a subject which must have rows asks for them."""
    expectations = [expectation_of(column, check) for column, check in subject.checks.items()]
    if subject.must_have_rows:
        expectations.insert(0, gxe.ExpectTableRowCountToBeBetween(min_value=1))
    return gx.ExpectationSuite(name=subject.name, expectations=expectations)


def expectation_of(column: str, check: Check) -> gxe.ExpectColumnValuesToBeBetween:
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=check.minimum,
        max_value=check.maximum,
        severity=check.severity,
        meta={"notes": {"format": "markdown", "content": notes_of(check)}},
    )


def notes_of(check: Check) -> str:
    return f"**{check.severity}** {check.expected}. {check.owner}: {check.what_to_do}"
