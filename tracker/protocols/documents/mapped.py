"""JSON that is nobody's protocol, read by a mapping that the settings state (tracker/mappings.py).

The paths of a mapping are taken apart once, at the start: reading a report calls one small function
for each value that the mapping names and the report has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracker.errors import DecodeError
from tracker.mappings import (
    DEVICE_LEVEL,
    JsonMapping,
    Steps,
    command_levels,
    filter_levels,
    path_steps,
    topic_level,
)
from tracker.protocols.documents import said
from tracker.protocols.documents.said import Said
from tracker.protocols.reports import Report
from tracker.protocols.textfields import EXTRA_MOST, KNOT_KMH, bad

ITEMS_MOST = 10_000  # of one list: what fits into the largest body or packet
SPEED_UNITS = {"kmh": 1.0, "ms": 3.6, "kn": KNOT_KMH, "mph": 1.609344}

Put = Callable[[Report, Any], None]


def matches(levels: Sequence[str], topic: Sequence[str]) -> bool:
    """Whether a topic is one that a filter means (MQTT 5.0 section 4.7)."""
    if topic[0].startswith("$") and levels[0] in ("+", "#"):
        return False  # topics of a broker itself
    for place, level in enumerate(levels):
        if level == "#":
            return True
        if place >= len(topic) or level not in ("+", topic[place]):
            return False
    return len(levels) == len(topic)


class Form:
    """A topic of each device, its identity in one level."""

    def __init__(self, topic: str) -> None:
        self._levels = command_levels(topic)
        self._place = self._levels.index(DEVICE_LEVEL)

    def ident(self, topic: Sequence[str]) -> str | None:
        """Whose topic it is; None: of another form."""
        if len(topic) != len(self._levels) or not topic[self._place]:
            return None
        named = topic[self._place]
        return named if self._filled(named) == tuple(topic) else None

    def topic(self, ident: str) -> str | None:
        """The topic of a device, None where its identity is no level of a topic."""
        if not ident or any(sign in ident for sign in "/+#\0"):
            return None
        return "/".join(self._filled(ident))

    def _filled(self, ident: str) -> tuple[str, ...]:
        return (*self._levels[: self._place], ident, *self._levels[self._place + 1 :])


class Mapped:
    """The reader of one mapping."""

    def __init__(self, mapping: JsonMapping) -> None:
        self.topic = filter_levels(mapping.topic)
        self.commands = None if mapping.command_topic is None else Form(mapping.command_topic)
        self.acknowledgements = None if mapping.ack_topic is None else Form(mapping.ack_topic)
        self._mapping = mapping
        self._device_level = topic_level(mapping.device)
        self._device = path_steps(mapping.device)
        self._items = None if mapping.items is None else path_steps(mapping.items)
        self._time = None if mapping.time is None else path_steps(mapping.time)
        values = [(path_steps(path), put) for path, put in _values(mapping)]
        self._members = [(steps[0], put) for steps, put in values if len(steps) == 1]
        self._deeper = [(steps, put) for steps, put in values if len(steps) > 1]
        self._levels = [
            (int(level), name)
            for name, path in mapping.attributes.items()
            if (level := topic_level(path)) is not None
        ]

    def read(self, topic: Sequence[str], document: Any, now: float) -> list[Said | DecodeError]:
        """The reports of a message published under `topic`. Raises DecodeError if none is good.

        A report that is alone is not looked at for a place on Earth; who makes it a message does.
        """
        items = document if self._items is None else found_at(self._items, document)
        if not isinstance(items, list):
            items = [items]
        if len(items) == 1:
            return [self._one(topic, document, items[0], now)]
        if not 2 <= len(items) <= ITEMS_MOST:
            raise DecodeError("length", f"json: {len(items)} reports")
        return said.each(items, lambda item: self._one(topic, document, item, now))

    def _one(self, topic: Sequence[str], document: Any, item: Any, now: float) -> Said:
        if not isinstance(item, dict):
            raise DecodeError("field", "json: a report is an object")
        report = Report(time=now, valid=True)
        if self._time is not None:
            report.time = moment(found_at(self._time, item), self._mapping.time_format)
        for name, put in self._members:
            value = item.get(name)
            if value is not None:
                put(report, value)
        for steps, put in self._deeper:
            value = found_at(steps, item)
            if value is not None:
                put(report, value)
        if (report.lat is None) != (report.lon is None):
            raise DecodeError("field", "json: latitude and longitude come together")
        for level, name in self._levels:
            if level < len(topic):
                report.attributes[name] = topic[level][:EXTRA_MOST]
        return Said(self._ident(topic, document, item), report)

    def _ident(self, topic: Sequence[str], document: Any, item: Any) -> str:
        """By the topic, or by the report itself, or by what stands around the reports."""
        level = self._device_level
        if level is not None:
            return said.identity(topic[level] if level < len(topic) else None)
        found = found_at(self._device, item)
        return said.identity(found_at(self._device, document) if found is None else found)


def found_at(steps: Steps, item: Any) -> Any:
    """What stands at a path, None where it leads nowhere."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(item, dict):
                return None
            item = item.get(step)
        elif isinstance(item, list) and step < len(item):
            item = item[step]
        else:
            return None
    return item


def moment(value: Any, form: str) -> float:
    """Unix seconds of a value in a mapping's format. A date without a zone is UTC."""
    if value is None or value == "":
        raise DecodeError("field", "json: a report without its time")
    if form == "rfc3339" and not isinstance(value, str):
        raise bad("a date", str(value))
    if form in ("auto", "rfc3339"):
        found = said.unix(value)
        assert found is not None  # noqa: S101 - only of an empty value
        return found[0]
    seconds = said.real(value)
    assert seconds is not None  # noqa: S101 - as above
    return seconds / 1000.0 if form == "unix_ms" else seconds


def _values(mapping: JsonMapping) -> list[tuple[str, Put]]:
    """The paths that lead into a report, and what is done with what stands there."""
    scale, unit = mapping.coordinate_scale, SPEED_UNITS[mapping.speed_unit]
    places: list[tuple[str | None, Put]] = [
        (mapping.lat, _degrees("lat", scale)), (mapping.lon, _degrees("lon", scale)),
        (mapping.speed, _speed(unit)), (mapping.course, _course), (mapping.altitude, _altitude),
        (mapping.satellites, _satellites), (mapping.valid, _valid), (mapping.ignition, _ignition),
        (mapping.alarm, _alarm),
    ]  # fmt: skip
    places += [
        (path, _attribute(name))
        for name, path in mapping.attributes.items()
        if topic_level(path) is None
    ]
    return [(path, put) for path, put in places if path is not None]


def _degrees(name: str, scale: float) -> Put:
    def put(report: Report, value: Any) -> None:
        degrees = said.real(value)
        if degrees is not None:
            setattr(report, name, degrees if scale == 1.0 else degrees * scale)

    return put


def _speed(unit: float) -> Put:
    def put(report: Report, value: Any) -> None:
        speed = said.positive(value)
        if speed is not None:
            report.speed_kmh = speed if unit == 1.0 else round(speed * unit, 6)

    return put


def _course(report: Report, value: Any) -> None:
    report.course_deg = said.angle(value)


def _altitude(report: Report, value: Any) -> None:
    report.altitude_m = said.real(value)


def _satellites(report: Report, value: Any) -> None:
    count = said.positive(value)
    report.satellites = None if count is None else int(count)


def _valid(report: Report, value: Any) -> None:
    report.valid = said.flag(value) is not False


def _ignition(report: Report, value: Any) -> None:
    report.ignition = said.flag(value)


def _alarm(report: Report, value: Any) -> None:
    """A name, several names, or nothing by a truth that is none."""
    for name in value if isinstance(value, list) else (value,):
        if isinstance(name, str):
            said.alarm(report, name)


def _attribute(name: str) -> Put:
    def put(report: Report, value: Any) -> None:
        said.keep(report, name, value)

    return put


# What a device may publish without a word of configuration.
OWN = JsonMapping(
    topic="tracker/+/position",
    device="topic[1]",
    time="time",
    lat="lat",
    lon="lon",
    speed="speed",
    course="course",
    altitude="altitude",
    satellites="satellites",
    valid="valid",
    ignition="ignition",
    alarm="alarm",
    attributes={
        "accuracy_m": "accuracy",
        "battery_percent": "battery",
        "external_v": "voltage",
        "hdop": "hdop",
        "odometer_m": "odometer",
        "temperature_c": "temperature",
    },
    command_topic="tracker/{device}/cmd",
    ack_topic="tracker/{device}/ack",
)
