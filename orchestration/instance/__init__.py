"""Dagster's own records on this machine: its instance, its event log, what is done when they are
damaged.

What runs in it is `runs` and `assets`.
"""
