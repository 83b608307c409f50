"""The raw schema: names, columns and Parquet types of the raw tables, nothing of their content."""

import pyarrow as pa

# The columns of docs/raw_tables.md, and in accounts what was planted.
TABLES = {
    "accounts": "account_id account_name created_at parent_account_id csm_email lifecycle_stage"
    " industry region churned_at planted_scenario planted_churn_at",
    "account_attributes": "account_id attribute recorded_at value",
    "account_tags": "account_id tag kind added_at removed_at author note",
    "users": "user_id account_id created_at email user_name role deactivated_at",
    "events": "event_id account_id feature occurred_at user_id module event_count loaded_at",
    "subscriptions": "subscription_id account_id plan_id mrr started_at seats ended_at renews_at",
    "invoices": "invoice_id account_id amount issued_at due_at paid_at voided_at",
    "tickets": "ticket_id account_id created_at user_id priority first_replied_at solved_at"
    " reopens csat_score csat_at",
    "touchpoints": "touchpoint_id account_id channel occurred_at direction csm_email user_id"
    " subject",
    "survey_responses": "response_id account_id kind score responded_at user_id",
    "risk_assessments": "assessment_id account_id risk_score assessed_at author note",
    "health_overrides": "override_id account_id pillar_id state reason author created_at"
    " expires_at",
}
TABLES_WITHOUT_KEY = ("account_attributes", "account_tags")
DECIMALS = {"mrr", "amount", "risk_score"}
WHOLE_NUMBERS = {"seats", "event_count", "reopens", "csat_score"}
# survey_responses.score is text, as a survey tool exports it: with an "n/a" here and there.


def schema_of(table: str) -> pa.Schema:
    """The Parquet types of a raw table: times in UTC, numbers as numbers, the rest text."""

    def kind(column: str) -> pa.DataType:
        if column.endswith("_at"):
            return pa.timestamp("us", tz="UTC")
        if column in DECIMALS:
            return pa.float64()
        return pa.int64() if column in WHOLE_NUMBERS else pa.string()

    return pa.schema([(column, kind(column)) for column in TABLES[table].split()])
