"""The contract, written a second time in plain Python, to compare the warehouse with row for row.

Every sentence of the contract is evaluated as it stands, one account and one health date at a time.
Nothing here knows how the warehouse calculates. Ambiguous sentences and their readings: READING.md.
"""

from .published import calculate

__all__ = ["calculate"]
