"""Stewardship: for those who answer for the data. Runs the checks, and shows what they found.

The checks themselves are in `expectations`.
"""
