"""What dbt does for each node to no effect is left out in `health-dbt`: a third of its Python.

- Debug events that no logger takes are dropped, and the words of an event are put together when
  somebody reads them. dbt has some twenty of them for each node.
- The macros of a node's context are found in one dict, not in the five that they come from.
- What tells the types of a result's columns is made once, and so is the empty result.
- The manifest and what came of it are not cleared away, piece by piece, before the process ends.

It reaches into dbt, whose version is pinned below the next minor one; `test_lighter_dbt.py` shows
that dbt says the same.
"""

import atexit
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NoReturn

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.context.macros import MacroNamespace
from dbt_common.clients import agate_helper
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager

written_at_once = BaseEvent.__init__
empty_table = cache(agate_helper.empty_table)
built_type_tester = cache(agate_helper.build_type_tester)


class HeardEvents(EventManager):
    """dbt's own event manager, but for debug events that nobody would hear of."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        is_debug = (level or e.level_tag()) is EventLevel.DEBUG
        if not is_debug or any(logger.level is EventLevel.DEBUG for logger in self.loggers):
            super().fire_event(e, level, node, force_warn_or_error_handling)


def kept(event: BaseEvent, *arguments: Any, **fields: Any) -> None:
    """In place of an event's `__init__`, which turns the fields into a message of protobuf."""
    vars(event)["unwritten"] = (arguments, fields)


def read(event: BaseEvent, name: str) -> Any:
    """In place of an event's `__getattr__`: what is not there yet is the message, or in it."""
    if "unwritten" in vars(event):
        arguments, fields = vars(event).pop("unwritten")
        written_at_once(event, *arguments, **fields)
    message = vars(event)["pb_msg"]
    return message if name == "pb_msg" else getattr(message, name)


def names(namespace: MacroNamespace) -> dict[str, Any]:
    """All that a namespace of macros has, by name; what is searched first wins."""
    found = vars(namespace).get("names")
    if found is None:
        found = {}
        for macros in namespace._search_order():
            found = {**macros, **found}
        vars(namespace)["names"] = found
    return found


def name_of(namespace: MacroNamespace, name: str) -> Any:
    return names(namespace)[name]


def names_in_turn(namespace: MacroNamespace) -> Iterator[str]:
    return iter(names(namespace))


def type_tester(
    text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
) -> Any:
    nulls = None if string_null_values is None else tuple(string_null_values)
    return built_type_tester(tuple(text_columns), nulls)


def lighten() -> None:
    """Have dbt, in this process, do without."""
    ctx_set_event_manager(HeardEvents())
    for place, name, replacement in (
        (BaseEvent, "__init__", kept),
        (BaseEvent, "__getattr__", read),
        (MacroNamespace, "__getitem__", name_of),
        (MacroNamespace, "__iter__", names_in_turn),
        (agate_helper, "build_type_tester", type_tester),
        (agate_helper, "empty_table", empty_table),
    ):
        setattr(place, name, replacement)


def close() -> None:
    """Close what is closed at the end of a process; the warehouse then writes all to its file."""
    if DuckDBConnectionManager._ENV:
        DuckDBConnectionManager._ENV.close()
    atexit._run_exitfuncs()  # multiprocessing's semaphores and others' files
    sys.stdout.flush()
    sys.stderr.flush()


def leave(code: Any) -> NoReturn:
    """End this process with the exit code, as `sys.exit` takes it, at once."""
    close()
    os._exit(code if isinstance(code, int) else 1 if code else 0)
