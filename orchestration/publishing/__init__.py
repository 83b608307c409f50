"""What readers see: generations of the published tables, whole or without personal data, and one of
them kept open by a reader that stays.

Nothing in here calculates; what was calculated comes from the warehouse.
"""
