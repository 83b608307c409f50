"""The command line itself: groups of commands, a run in this process, its summary, Dagster's
programs.

Commands with a subject of their own are in `insight` and `stewardship`.
"""
