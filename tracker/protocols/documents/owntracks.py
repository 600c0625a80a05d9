"""OwnTracks: one JSON object a message, `_type` names its kind.

    {"_type": "location", "lat": …, "lon": …, "tst": Unix s, "vel": km/h, "cog": °, …}

A kind is a function in `KINDS`; one that is not there is acknowledged and kept as unknown, because
an app repeats what is not acknowledged. Source: docs/protocols/owntracks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tracker.errors import DecodeError
from tracker.model import CommandKind
from tracker.protocols.base import Heartbeat, Message, Notice, Positions, Reply
from tracker.protocols.documents import said
from tracker.protocols.fields import cell
from tracker.protocols.reports import Report
from tracker.protocols.stream import handles
from tracker.protocols.textfields import EXTRA_MOST

BASE = "owntracks"  # the first level of an app's topic unless it is told another
OWN_LEVELS = 3  # owntracks/user/device: what follows is no part of the device's name
# What an app puts behind its topic for kinds that are no location.
SUFFIXES = frozenset(
    {"event", "waypoint", "waypoints", "cmd", "info", "status", "step", "beacon", "dump", "request"}
)
WAYPOINTS_MOST = 200
CHARGING, FULL, UNPLUGGED = 2, 3, 1  # of `bs`; 0 is unknown
ASKED = "r"  # `t` of a location that was asked for by reportLocation
LETTERS = {"!": "tow", "9": "low_battery", "s": "overspeed", "e": "power_cut"}  # alarms of `t`
HARSH = ("braking", "acceleration", "cornering")  # `rty` modulo 3, where `t` is h
IGNITION = {"i": True, "I": False}
CROSSINGS = {"enter": "geofence_enter", "leave": "geofence_exit"}


@dataclass(frozen=True, slots=True)
class Told:
    """One message: its object, the moment, and the answer that waits for its storage."""

    record: Mapping[str, Any]
    now: float
    answer: bytes = b""


Kind = Callable[[Told], Message]
KINDS: dict[str, Kind] = {}


def ident_of_topic(topic: str) -> str | None:
    """The device that publishes under a topic: its name without what the app puts behind it."""
    levels = topic.strip("/").split("/")
    if levels[-1] in SUFFIXES and (levels[0] != BASE or len(levels) > OWN_LEVELS):
        del levels[-1]
    return "/".join(levels) or None


def read(record: Mapping[str, Any], now: float, answer: bytes = b"") -> Message:
    """What a message says; `answer` waits for its storage. Raises DecodeError."""
    kind = record.get("_type")
    handler = KINDS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        attributes = {"kind": str(kind)[:EXTRA_MOST]} if record else {}
        return Notice(answer, durable=True, kind="unknown", attributes=attributes)
    return handler(Told(record, now, answer))


@handles(KINDS, "location")
def location(told: Told) -> Message:
    """lat, lon, tst; vel km/h, cog °, alt m, acc m, batt %, t the reason; bridges say more."""
    record = told.record
    report = Report(valid=True)
    report.lat, report.lon = said.real(record.get("lat")), said.real(record.get("lon"))
    stated = said.unix(record.get("tst"))
    if report.lat is None or report.lon is None or stated is None:
        raise DecodeError("field", "owntracks: a location without lat, lon or tst")
    report.time = stated[0]
    report.speed_kmh = said.positive(record.get("vel"))
    report.course_deg = said.angle(record.get("cog"))
    report.altitude_m = said.real(record.get("alt"))
    _phone(report, record)
    _reason(report, record)
    _bridge(report, record)
    message = report.message(told.now, told.answer)
    if record.get("t") == ASKED and isinstance(message, Positions):
        return Reply(
            message.answer, message.durable, success=True, fixes=message.fixes,
            to_kind=CommandKind.LOCATE,
        )  # fmt: skip
    return message


NUMBERS = {
    "acc": "accuracy_m", "vac": "vertical_accuracy_m", "batt": "battery_percent",
    "p": "pressure_kpa", "ubatt": "battery_v", "uext": "external_v", "rpm": "engine_rpm",
}  # fmt: skip
TEXTS = {
    "tid": "tracker_id", "conn": "connection", "SSID": "ssid", "vin": "vin", "imei": "imei",
    "poi": "poi", "tag": "tag", "t": "event",
}  # fmt: skip


def _phone(report: Report, record: Mapping[str, Any]) -> None:
    for key, name in NUMBERS.items():
        stated = record.get(key)
        if stated is not None and (value := said.beside(stated)) is not None:
            report.attributes[name] = value
    for key, name in TEXTS.items():
        text = record.get(key)
        if text and isinstance(text, str):
            report.attributes[name] = text[:EXTRA_MOST]
    state = record.get("bs")
    if state in (UNPLUGGED, CHARGING, FULL):
        report.attributes["charging"] = state != UNPLUGGED
    for key, name in (("inregions", "regions"), ("motionactivities", "activities")):
        texts = record.get(key)
        if isinstance(texts, list):
            report.attributes[name] = [str(text)[:EXTRA_MOST] for text in texts[:WAYPOINTS_MOST]]


def _reason(report: Report, record: Mapping[str, Any]) -> None:
    """What `t` means beyond a name: alarms and the ignition of vehicles behind a bridge."""
    letter = record.get("t")
    if not isinstance(letter, str):
        return
    if letter in LETTERS:
        report.alarm(LETTERS[letter])
    elif letter == "h":
        turn = said.positive(record.get("rty"))
        report.alarm("other" if turn is None else HARSH[int(turn) % 3])
    report.ignition = IGNITION.get(letter)


def _bridge(report: Report, record: Mapping[str, Any]) -> None:
    """What a bridge for vehicle trackers adds."""
    stated = said.flag(record.get("ign"))
    if stated is not None:
        report.ignition = stated
    moving = said.flag(record.get("motion"))
    if moving is not None:
        report.attributes["moving"] = moving
    if said.flag(record.get("tow")):
        report.alarm("tow")
    odometer_km = said.positive(record.get("odometer"))
    if odometer_km is not None:
        report.attributes["odometer_m"] = round(odometer_km * 1000)
    sensors = [key for key in record if key.startswith("temp_c-")]
    found = [said.beside(record[key]) for key in sorted(sensors)]
    temperatures = [value for value in found if value is not None]
    if temperatures:
        report.attributes |= {"temperature_c": temperatures[0], "temperatures_c": temperatures}
    if "mcc" not in record:
        return
    station = [_code(record.get(key), base) for key, base in CELL]
    if all(code is not None for code in station):
        report.attributes["cells"] = [cell(*(code for code in station if code is not None))]


CELL = (("mcc", 10), ("mnc", 10), ("lac", 16), ("cid", 16))


def _code(value: Any, base: int) -> int | None:
    """A number of a cell: lac and cid come as hexadecimal text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value, base) if isinstance(value, str) else None
    except ValueError:
        return None


@handles(KINDS, "transition")
def transition(told: Told) -> Message:
    """event enter or leave, desc and rid of the region; lat, lon and tst where they are known."""
    record = told.record
    crossing = CROSSINGS.get(str(record.get("event")))
    if crossing is None:
        raise DecodeError("field", "owntracks: a transition that neither enters nor leaves")
    report = Report(valid=True, alarms=(crossing,))
    report.lat, report.lon = said.real(record.get("lat")), said.real(record.get("lon"))
    stated = said.unix(record.get("tst"))
    report.time = None if stated is None else stated[0]
    if report.time is None and report.lat is not None:
        report.time = told.now
    _phone(report, record)
    for key, name in (("desc", "region"), ("rid", "region_id")):
        if isinstance(record.get(key), str):
            report.attributes[name] = record[key][:EXTRA_MOST]
    return report.message(told.now, told.answer)


@handles(KINDS, "waypoint")
def waypoint(told: Told) -> Message:
    """desc, lat, lon, rad m, tst of its creation."""
    return _kept(told, [_waypoint(told.record)])


@handles(KINDS, "waypoints")
def waypoints(told: Told) -> Message:
    """All waypoints of a device."""
    found = told.record.get("waypoints")
    if not isinstance(found, list):
        raise DecodeError("field", "owntracks: waypoints without a list of them")
    kept = [_waypoint(each) for each in found[:WAYPOINTS_MOST] if isinstance(each, dict)]
    return _kept(told, kept)


def _kept(told: Told, waypoints: list[dict[str, Any]]) -> Notice:
    return Notice(told.answer, durable=True, kind="waypoints", attributes={"waypoints": waypoints})


def _waypoint(record: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, name in (("lat", "lat"), ("lon", "lon"), ("rad", "radius_m"), ("tst", "created_time")):
        value = said.amount(record.get(key))
        if value is not None:
            entry[name] = value
    for key, name in (("desc", "name"), ("rid", "region_id"), ("uuid", "uuid")):
        if isinstance(record.get(key), str):
            entry[name] = record[key][:EXTRA_MOST]
    return entry


@handles(KINDS, "lwt")
def last_will(told: Told) -> Message:
    """The broker's word that the app is gone; tst is when it had connected."""
    stated = said.unix(told.record.get("tst"))
    attributes = {} if stated is None else {"connected_time": stated[0]}
    return Notice(told.answer, durable=True, kind="offline", attributes=attributes)


@handles(KINDS, "status", "steps", "beacon", "card", "configuration", "dump")
def other(told: Told) -> Message:
    """Of the app itself: that it is there."""
    return Heartbeat(told.answer, durable=True)
