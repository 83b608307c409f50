"""What a run makes, in its order, and its checks as Dagster shows them.

When it runs is `runs`; nothing in here is called by hand.
"""
