"""dbt as a process of ours: building, parsing, the macros that Python calls, the folder it needs.

What becomes of its results in Dagster is `assets.dbt_events`.
"""
