"""When a run works, and with what: jobs, schedule, sensors, partitions, what is refused before it,
the lock and the dates that it holds.

What it makes is `assets`.
"""
