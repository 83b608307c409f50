"""The warehouse as Python sees it: connections, tables that Python writes, health dates, the run
lock, what a run left unfinished, a publication as of a date, and words for a damaged file.

Models and tests are dbt's (`dbt_project/`); what readers see is made by `publishing`.
"""
