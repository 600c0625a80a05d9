"""From what a report says to messages: with a position, without one, or several in a batch.

A report without a usable position still says something: its alarms, battery, stations. That is
handed on as an alarm or a heartbeat, so that nothing a device said is lost for want of a fix.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Alarm, Heartbeat, Message, Notice, Positions


@dataclass(slots=True)
class Unplaced:
    """What a report says beside its position.

    `time` is that of the report in UTC, None if it states none. `alarms` is None where it says
    nothing of alarms, empty where it says that there are none.
    """

    time: float | None = None
    satellites: int | None = None
    ignition: bool | None = None
    alarms: tuple[str, ...] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def all_attributes(self) -> dict[str, Any]:
        """The attributes with those facts that a Fix has fields for."""
        if self.time is not None:
            self.attributes["report_time"] = self.time
        if self.satellites is not None:
            self.attributes["satellites"] = self.satellites
        return self.attributes


def placed(answer: bytes, fix: Fix) -> Message:
    """The message of one position; its answer promises storage."""
    return Positions(answer, durable=True, fixes=(fix,))


def unplaced(answer: bytes, said: Unplaced) -> Message:
    """The message of one report without a position; its answer promises storage as well."""
    attributes = said.all_attributes()
    if said.alarms:
        return Alarm(answer, durable=True, alarms=said.alarms, attributes=attributes)
    return Heartbeat(
        answer, durable=True, ignition=said.ignition, alarms=said.alarms, attributes=attributes
    )


class Batch:
    """The reports of one frame, in which a bad one does not cost the others.

    A bad report would be no better if it were sent again, so the frame is acknowledged all the
    same. What has no position is kept beside the live state: in a batch it is history.
    """

    __slots__ = ("_errors", "_fixes", "_others")

    def __init__(self) -> None:
        self._fixes: list[Fix] = []
        self._others: list[Message | DecodeError] = []
        self._errors: list[DecodeError] = []

    def place(self, fix: Fix) -> None:
        """One position."""
        self._fixes.append(fix)

    def add(self, said: Unplaced) -> None:
        """One report without a position."""
        if said.alarms:
            self._others.append(Alarm(alarms=said.alarms, attributes=said.all_attributes()))
        else:
            self._others.append(Notice(kind="no_fix", attributes=said.all_attributes()))

    def fail(self, error: DecodeError) -> None:
        """One report that cannot be read."""
        self._errors.append(error)

    def messages(self, answer: bytes) -> list[Message | DecodeError]:
        """All messages: those without a position, the positions with the answer, the errors."""
        positions = Positions(answer, durable=True, fixes=tuple(self._fixes))
        return [*self._others, positions, *self._errors]
