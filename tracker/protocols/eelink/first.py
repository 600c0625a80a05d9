"""Reports of the first Eelink models (TK115, TK116, GOT08): 02, 04, 05, 06, and 07 with OBD."""

from __future__ import annotations

import struct

from tracker.protocols.base import Heartbeat
from tracker.protocols.eelink import obd
from tracker.protocols.eelink.messages import Handler
from tracker.protocols.eelink.said import UNITS_PER_DEGREE, Place, alarm, conclude, status
from tracker.protocols.eelink.wire import ALARM, FIX, OBD, SMS, STATE, Link, Package, ack
from tracker.protocols.fields import cell, extra, text
from tracker.protocols.reports import Unplaced, unplaced
from tracker.protocols.stream import Outcome, handles

HANDLERS: dict[int, Handler] = {}

_PLACE = struct.Struct(">IiiBHHHH3sB")
PHONE_BYTES = 21
TIMED_STATES = frozenset({1, 2, 3})  # states that carry their own time


def read(package: Package, said: Unplaced) -> tuple[Place, bool]:
    """UTC Unix seconds u32, latitude s32, longitude s32 (degree / 1,800,000), speed u8 km/h, course
    u16, MCC u16, MNC u16, LAC u16, cell u24, fixed u8 (bit 0).
    """
    time, lat, lon, speed, course, mcc, mnc, lac, cid, fixed = _PLACE.unpack_from(package.content)
    said.time = float(time) or None
    if mcc:
        said.attributes["cells"] = [cell(mcc, mnc, lac, int.from_bytes(cid, "big"))]
    place = Place(lat / UNITS_PER_DEGREE, lon / UNITS_PER_DEGREE, float(speed), float(course))
    return place, bool(fixed & 1)


@handles(HANDLERS, FIX)
def fix(link: Link, package: Package) -> Outcome:
    """02: as `read`, perhaps status u16, perhaps battery u16 mV, signal u16, two analog inputs u16.
    Nobody answers it.
    """
    content, said = package.content, Unplaced()
    place, valid = read(package, said)
    at = _PLACE.size
    if len(content) >= at + 2:
        status(said, int.from_bytes(content[at : at + 2], "big"), motion=False)
    if len(content) >= at + 10:
        battery, signal, adc1, adc2 = struct.unpack_from(">4H", content, at + 2)
        said.attributes.update(
            battery_v=battery / 1000, signal_percent=signal, adc1=adc1, adc2=adc2
        )
    return conclude(link, package, place, said, valid=valid)


@handles(HANDLERS, ALARM)
def old_alarm(link: Link, package: Package) -> Outcome:
    """04: as `read`, code u8."""
    said = Unplaced()
    place, valid = read(package, said)
    alarm(said, package.content[_PLACE.size])
    extra(said.attributes, package.content, _PLACE.size + 1)
    return conclude(link, package, place, said, valid=valid)


@handles(HANDLERS, STATE)
def state(link: Link, package: Package) -> Outcome:
    """05: as `read`, state u8; with state 1 to 3 its time u32, perhaps status u16."""
    content, said = package.content, Unplaced()
    place, valid = read(package, said)
    at = _PLACE.size
    said.attributes["event"] = content[at]
    if content[at] in TIMED_STATES and len(content) >= at + 7:
        status(said, int.from_bytes(content[at + 5 : at + 7], "big"), motion=False)
    return conclude(link, package, place, said, valid=valid)


@handles(HANDLERS, SMS)
def sms(link: Link, package: Package) -> Outcome:
    """06: as `read`, telephone ASCII[21], text. Someone sent it by SMS."""
    said = Unplaced()
    place, valid = read(package, said)
    rest = package.content[_PLACE.size :]
    phone, words = text(rest[:PHONE_BYTES]), text(rest[PHONE_BYTES:], "utf-8")
    said.attributes.update({k: v for k, v in (("phone", phone), ("text", words)) if v})
    return conclude(link, package, place, said, valid=valid)


@handles(HANDLERS, OBD)
def engine(link: Link, package: Package) -> Outcome:
    """07: UTC Unix seconds u32, then PID u8 and value[4] of each. With four bytes: status u16."""
    content, said = package.content, Unplaced()
    if len(content) <= 4:
        status(said, int.from_bytes(content[:2], "big"), motion=False)
        return Heartbeat(ack(package), ignition=said.ignition, attributes=said.attributes)
    time = float(int.from_bytes(content[:4], "big"))
    said.time = time - (link.session.utc_offset_s or 0) if time else None
    obd.read(content, 4, said.attributes)
    return unplaced(ack(package), said)
