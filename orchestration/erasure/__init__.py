"""Removing whom the erasure list names from all that runs keep.

The list itself and how far it has come is `warehouse.erasures`; the command is `stewardship`'s.
"""
