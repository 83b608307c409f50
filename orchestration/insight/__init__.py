"""Insight: the commands that tell why, since when, what changed, what if, and whether it foretells.

Each command has a module of its name; the others hold what those share. All read published tables.
"""
