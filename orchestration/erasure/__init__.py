"""Removing whom the erasure list names from all that runs keep.

The list and how far it has come are `warehouse.erasure_list` and `erasure_steps`; the command is
`stewardship`'s.
"""
