"""What one report says, and from there to messages: with a position, without one, or in a batch.

A report without a usable position still says something: its alarms, battery, stations. That is
handed on as an alarm or a heartbeat, so that nothing a device said is lost for want of a fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Alarm, Heartbeat, Message, Notice, Positions
from tracker.protocols.fields import check_coordinates


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
    return Positions(answer, True, (fix,))  # by place: see Fix


def unplaced(answer: bytes, said: Unplaced) -> Message:
    """The message of one report without a position; its answer promises storage as well."""
    attributes = said.all_attributes()
    if said.alarms:
        return Alarm(answer, durable=True, alarms=said.alarms, attributes=attributes)
    return Heartbeat(
        answer, durable=True, ignition=said.ignition, alarms=said.alarms, attributes=attributes
    )


@dataclass(slots=True)
class Report:
    """What one report says, while it is being read. `time` is UTC; `alarms` None: not a word."""

    time: float | None = None
    lat: float | None = None
    lon: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    valid: bool = False
    stored: bool = False
    satellites: int | None = None
    ignition: bool | None = None
    alarms: tuple[str, ...] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def alarm(self, name: str) -> None:
        """Add an alarm."""
        if name not in (self.alarms or ()):
            self.alarms = (*(self.alarms or ()), name)

    def fix(self, now: float | None = None) -> Fix | None:
        """The position, None if there is none to use: no coordinates, or zeros without a fix.

        Without a time of its own it is as of `now`, and not to be relied on; None where there is
        no `now` either.
        """
        if self.lat is None or self.lon is None or not (self.valid or self.lat or self.lon):
            return None
        fix_time = now if self.time is None else self.time
        if fix_time is None:
            return None
        check_coordinates(self.lat, self.lon)
        return Fix(
            fix_time,
            self.lat,
            self.lon,
            self.speed_kmh,
            self.course_deg,
            self.altitude_m,
            self.valid and self.time is not None,
            self.stored,
            self.satellites,
            self.ignition,
            self.alarms or (),
            self.attributes,
        )

    def unplaced(self) -> Unplaced:
        """What is said beside the position."""
        return Unplaced(
            time=self.time,
            satellites=self.satellites,
            ignition=self.ignition,
            alarms=self.alarms,
            attributes=self.attributes,
        )

    def message(self, now: float | None = None, answer: bytes = b"") -> Message:
        """The report as a message; its answer promises storage."""
        fix = self.fix(now)
        return unplaced(answer, self.unplaced()) if fix is None else placed(answer, fix)


def mark_stored(reports: Sequence[Report]) -> None:
    """Of reports in one frame, those that are not the newest waited in the device's memory."""
    if len(reports) > 1:
        newest = max(said.time or 0.0 for said in reports)
        for said in reports:
            said.stored = said.time != newest


class Said(Protocol):
    """A report that has been read, such as a Report."""

    def fix(self, now: float | None = None) -> Fix | None:
        """Its position; one without a time is as of `now`. Raises DecodeError."""
        ...

    def unplaced(self) -> Unplaced:
        """What it says beside a position."""
        ...

    def message(self, now: float | None = None, answer: bytes = b"") -> Message:
        """The message of it alone; its answer promises storage. Raises DecodeError."""
        ...


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

    def take(self, said: Said, now: float | None = None) -> None:
        """One report, whether it has a position, has none or has an impossible one."""
        try:
            fix = said.fix(now)
        except DecodeError as error:
            self.fail(error)
            return
        if fix is not None:
            self._fixes.append(fix)
        else:
            self.add(said.unplaced())

    def fail(self, error: DecodeError) -> None:
        """One report that cannot be read."""
        self._errors.append(error)

    def messages(self, answer: bytes) -> list[Message | DecodeError]:
        """All messages: those without a position, the positions with the answer, the errors."""
        positions = Positions(answer, durable=True, fixes=tuple(self._fixes))
        return [*self._others, positions, *self._errors]


def conclude(
    reports: Sequence[Said], answer: bytes, now: float | None = None
) -> Message | list[Message | DecodeError]:
    """All messages of a frame's reports: of several a Batch; a single one without a position says
    how the device is now.
    """
    if len(reports) == 1:
        try:
            return reports[0].message(now, answer)
        except DecodeError as error:
            return [Positions(answer, durable=True), error]
    batch = Batch()
    for said in reports:
        batch.take(said, now)
    return batch.messages(answer)
