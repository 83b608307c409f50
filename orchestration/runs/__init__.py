"""When a run works, and with what: jobs, schedule, sensors, partitions, what is refused before
it, and the run that its steps share.

What it makes is `assets`.
"""
