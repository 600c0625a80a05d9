"""What one Meitrack record says, while its fields are being read."""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.base import Alarm, Heartbeat, Message
from tracker.protocols.fields import check_coordinates
from tracker.protocols.meitrack.events import ALARMS


class Said:
    """The result of reading a record, text or binary."""

    __slots__ = (
        "altitude_m",
        "attributes",
        "course_deg",
        "event",
        "lat",
        "lon",
        "satellites",
        "speed_kmh",
        "time",
        "valid",
    )

    def __init__(self) -> None:
        self.event = 0
        self.time: float | None = None
        self.lat: float | None = None
        self.lon: float | None = None
        self.valid = True
        self.speed_kmh: float | None = None
        self.course_deg: float | None = None
        self.altitude_m: float | None = None
        self.satellites: int | None = None
        self.attributes: dict[str, Any] = {}

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarm that the event stands for, if it does."""
        name = ALARMS.get(self.event)
        return () if name is None else (name,)

    def finish(self) -> Fix | None:
        """The position, if there is one to use: a time, and coordinates that are fixed or not 0."""
        alarms = self.alarms
        if self.event:
            self.attributes["alarm_code" if alarms else "event"] = self.event
        if self.time is None or self.lat is None or self.lon is None or not self._placed:
            if self.time is not None:
                self.attributes["report_time"] = self.time
            if self.satellites is not None:
                self.attributes["satellites"] = self.satellites
            return None
        check_coordinates(self.lat, self.lon)
        return Fix(
            fix_time=self.time,
            lat=self.lat,
            lon=self.lon,
            speed_kmh=self.speed_kmh,
            course_deg=self.course_deg % 360 if self.course_deg is not None else None,
            altitude_m=self.altitude_m,
            valid=self.valid,
            satellites=self.satellites,
            alarms=alarms,
            attributes=self.attributes,
        )

    @property
    def _placed(self) -> bool:
        return bool(self.valid or self.lat or self.lon)

    def without_place(self) -> Message:
        """What is left to say where there is no position."""
        if self.alarms:
            return Alarm(alarms=self.alarms, attributes=self.attributes)
        return Heartbeat(attributes=self.attributes)
