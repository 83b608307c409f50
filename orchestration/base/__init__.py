"""Base: settings, the clock, text that is safe to print, private files, progress, stopping.

What any process of the project needs and that knows nothing of health. It imports no other room.
"""
