"""The one reader of raw files: which files make a raw table, how each is read, what is wrong.

Belongs here: everything about files of a raw folder (docs/raw_tables.md, "Files"). dbt asks it
through its plugin, the checks call it directly; both get the same verdict. The one writer of raw
files, of what people enter (`entries`), stands beside it. Does not belong here:
what a value means, and which rows count; that is SQL (`dbt_project/macros/raw`).
"""

from orchestration.raw_reader.reader import read_folder
from orchestration.raw_reader.tables import RawFile, RawFolder, RawTable

__all__ = ["RawFile", "RawFolder", "RawTable", "read_folder"]
