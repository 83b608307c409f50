"""Messages to people outside: alerts about accounts, notices about runs, and the client that sends
both.

What is an alert is decided by a model (`health_alerts`).
"""
