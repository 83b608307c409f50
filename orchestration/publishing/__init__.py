"""What readers see: generations of the published tables, whole or without personal data.

Nothing in here calculates; what was calculated comes from the warehouse.
"""
