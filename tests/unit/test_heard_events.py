"""dbt's debug events reach the loggers that take them, and cost nothing where there are none."""

import pytest
from dbt_common.events.base_types import EventLevel, EventMsg
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.logger import LoggerConfig, _TextLogger
from dbt_common.events.types import Note

from orchestration.dbt_runner.heard_events import drop_unheard_events


class Lines(_TextLogger):
    """A logger that keeps the lines that it writes, as dbt's do before they ask for the level."""

    def __init__(self, level: EventLevel) -> None:
        super().__init__(LoggerConfig(name="lines", level=level))
        self.lines: list[str] = []

    def write_line(self, msg: EventMsg) -> None:
        self.lines.append(msg.info.msg)


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        (EventLevel.INFO, ["said", "warned"]),
        (EventLevel.DEBUG, ["whispered", "said", "warned"]),
    ],
)
def test_a_debug_event_is_written_only_for_a_logger_that_takes_it(
    level: EventLevel, lines: list[str]
) -> None:
    before = get_event_manager()
    try:
        drop_unheard_events()
        logger = Lines(level)
        get_event_manager().loggers.append(logger)
        fire_event(Note(msg="whispered"), level=EventLevel.DEBUG)
        fire_event(Note(msg="said"), level=EventLevel.INFO)
        fire_event(Note(msg="warned"), level=EventLevel.WARN)
    finally:
        ctx_set_event_manager(before)
    assert logger.lines == lines
