"""A reader that never rests: polls the published file, and stops at the first half-state.

Run as a process of its own: the published folder is its argument, each line of its output counts
the reads and the states seen so far. Ends with an error that says what was wrong.
"""

import sys
import time
from pathlib import Path

import duckdb

# Each query returns rows only where tables of one publication disagree.
DISAGREEMENTS = {
    "publication and history end on different dates": """
        select publication.last_health_date
        from health.publication
        where last_health_date <> (select max(health_date) from health.account_health_history)
    """,
    "accounts without their pillars": """
        select health_date, account_id
        from health.account_health_history
        anti join health.pillar_health_history using (health_date, account_id)
    """,
    "pillars without their account": """
        select health_date, account_id
        from health.pillar_health_history
        anti join health.account_health_history using (health_date, account_id)
    """,
    "the latest date is not the one of account_health": """
        select account_id, overall_state
        from health.account_health_history
        where health_date = (select max(health_date) from health.account_health_history)
        except
        select account_id, overall_state from health.account_health
    """,
    "sources without a status": """
        select health_date
        from health.account_health_history
        anti join health.source_status using (health_date)
    """,
    "rows that are not as many as were published": """
        select history.*
        from (
            select health_date, count(*) as row_count
            from health.account_health_history
            group by health_date
        ) as history
        full join health.publication_partitions as partitions
            on history.health_date = partitions.health_date
            and history.row_count = partitions.row_count
        where
            (partitions.table_name = 'account_health_history' or partitions.table_name is null)
            and (history.health_date is null or partitions.health_date is null)
    """,
}


def read(file: Path) -> str:
    """Look at one publication; when it was published."""
    with duckdb.connect(str(file), read_only=True) as connection:
        [(published_at,)] = connection.execute(
            "select published_at from health.publication"
        ).fetchall()
        for what, sql in DISAGREEMENTS.items():
            rows = connection.execute(sql).fetchall()
            assert not rows, f"{what}: {rows[:3]}"
        for (view,) in connection.execute(
            "select view_name from duckdb_views() where schema_name = 'health'"
        ).fetchall():
            assert connection.execute(f"select count(*) from health.{view}").fetchall()[0][0]
    return str(published_at)


def main() -> None:
    folder = Path(sys.argv[1])
    reads, states = 0, set()
    while True:
        states.add(read(folder / "account_health.duckdb"))
        reads += 1
        print(reads, len(states), flush=True)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
