"""Texts of H02, one function per kind: positions, heartbeats, stations, confirmations.

    hhmmss,S,DDmm.mmmm,N,DDDmm.mmmm,E,speed,course,ddmmyy,status[,more]

S is A or B (valid), V (not) or a number; speed in knots; status as in status.py. What stands behind
the status depends on kind and maker: see `tail`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.fields import count
from tracker.protocols.h02.status import level_percent, read_status
from tracker.protocols.h02.wire import Link
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.textfields import (
    DAY_S,
    EXTRA_MOST,
    amount,
    course,
    dated,
    degrees,
    dmy,
    knots,
    station,
    whole,
)

Fields = list[str]
Handler = Callable[[Link, Fields], Outcome]
HANDLERS: dict[str, Handler] = {}

FIRST = 3  # index of the first field behind maker, identity and kind
STATUS = re.compile(r"[0-9A-Fa-f]{8}")
DBM = re.compile(r"\s*-?\d{1,3}\s*", re.ASCII)
DATE = re.compile(r"\d{6}", re.ASCII)
VALIDITY = frozenset({"A", "B", "V"})
ICCID = re.compile(r"[0-9A-Fa-f]{18,20}\??")
SPLIT_DEGREES = re.compile(r"(-?\d{1,3})-(\d\d?)(\.\d+)", re.ASCII)
# Four decimals where the point is left out.
WITHOUT_POINT = re.compile(r"(\d{3,5})(\d{4})", re.ASCII)

MCC = range(200, 800)  # mobile country codes (ITU-T E.212); a test network is 001
VOLTS_PER_STEP = 5.6 / 1024  # of the battery in V3

GOOD_WORDS = frozenset({"DONE", "OK", "SUCCESS"})
BAD_WORDS = frozenset({"ERROR", "ERR", "FAIL", "FAILED"})


@handles(HANDLERS, "V1")
def position(link: Link, fields: Fields) -> Message:
    """V1: a position, confirmed; a device that sleeps sets its clock by the confirmation."""
    return located(link, fields, FIRST).message(link.session.now, link.ack(fields[2]))


@handles(HANDLERS, "V2", "V5", "V6", "V8", "V11", "V19", "VI1")
def more_positions(link: Link, fields: Fields) -> Message:
    """V2 and others: a position with the cell, ICCID, temperature ... behind. Not confirmed."""
    return located(link, fields, FIRST).message(link.session.now)


def located(link: Link, fields: Sequence[str], at: int) -> Report:
    """A whole position from the field `at` on, where its time of day stands."""
    said = Report()
    clock = fields[at]
    place(said, fields[at + 1 : at + 8])
    rest = list(fields[at + 8 :])
    if len(rest) > 1 and not DATE.fullmatch(rest[0]) and DATE.fullmatch(rest[1]):
        said.attributes["battery_percent"] = amount(rest.pop(0))  # some models, before the date
    date = rest.pop(0) if rest else ""
    said.time = link.session.utc(dated(date, clock))
    if rest and STATUS.fullmatch(rest[0]):
        read_status(int(rest.pop(0), 16), said, link.bits)
    elif rest and STATUS.fullmatch(rest[-1]):
        read_status(int(rest.pop(), 16), said, link.bits)
    tail(said, [field.strip() for field in rest])
    return said


def place(said: Report, fields: Sequence[str]) -> None:
    """S, latitude, N or S, longitude, E or W, speed, course: nothing if there are no angles."""
    valid, lat, north, lon, east, speed, angle = fields
    if not lat.strip() or not lon.strip():
        return
    said.valid = valid in ("A", "B") or valid.isdecimal()
    said.lat, said.lon = coordinate(lat, north), coordinate(lon, east)
    said.speed_kmh, said.course_deg = knots(speed), course(angle)


def coordinate(text: str, hemisphere: str) -> float:
    """DDmm.mmmm, also without the point, or as degrees-minutes with a sign."""
    split = SPLIT_DEGREES.fullmatch(text.strip())
    if split is not None:
        return degrees(f"{split[1]}{split[2]:0>2}{split[3]}", hemisphere)
    joined = WITHOUT_POINT.fullmatch(text.strip())
    return degrees(f"{joined[1]}.{joined[2]}" if joined else text, hemisphere)


def tail(said: Report, rest: list[str]) -> None:
    """What stands behind the status.

    MCC, MNC, LAC, cell, decimal or hex by maker, then perhaps the battery 1 to 6 | odometer in m,
    temperature, fuel in percent, altitude, LAC, cell, hex | ICCID, perhaps with the address of the
    server or the telephone number in front. What fits none of these is kept as `extra`.
    """
    if rest and ICCID.fullmatch(rest[-1]):
        said.attributes["iccid"] = rest.pop().rstrip("?")
    if len(rest) == 6 and "." in rest[2] and len(rest[4]) <= 8 >= len(rest[5]):
        said.attributes["odometer_m"] = whole(rest[0])
        said.attributes["temperature_c"] = amount(rest[1])
        said.attributes["fuel_percent"] = amount(rest[2])
        said.altitude_m = amount(rest[3])
        said.attributes["cells"] = [{"lac": int(rest[4], 16), "cid": int(rest[5], 16)}]
        return
    if len(rest) in (4, 5) and stationed(said, rest[:4]) and len(rest) == 4:
        return
    if len(rest) == 5 and rest[4].isdecimal():
        percent = level_percent(int(rest[4]))
        if percent is not None:
            said.attributes["battery_percent"] = percent
        if "cells" in said.attributes or not any(rest[2:4]) or rest[2:4] == ["0", "0"]:
            return
    if any(rest):
        said.attributes["extra"] = ",".join(rest).strip(",")[:EXTRA_MOST]


def stationed(said: Report, texts: Sequence[str]) -> bool:
    """Keep MCC, MNC, LAC and cell; False if they are none. Zeros stand for no station."""
    for base in (10, 16):
        try:
            mcc, mnc, lac, cid = (int(text, base) for text in texts)
        except ValueError:
            continue
        if not (lac or cid):
            return True
        if mcc in MCC:
            said.attributes["cells"] = [station(mcc, mnc, lac, cid)]
            return True
    return False


@handles(HANDLERS, "VP1")
def short_position(link: Link, fields: Fields) -> Message:
    """VP1: A, position without time of day, date. Or V, MCC, MNC, then LAC, cell, strength of
    stations with a Y between them.

    The date alone is the time now if it is today's, else the beginning of that day.
    """
    said = Report()
    if fields[FIRST] == "V":
        if len(fields) <= FIRST + 3:
            return said.message(link.session.now)  # nothing heard at all
        mcc, mnc = int(fields[4]), int(fields[5])
        cells = []
        for entry in ",".join(fields[6:]).split("Y"):
            lac, cid, level = entry.split(",")
            cells.append(station(mcc, mnc, int(lac), int(cid), whole(level)))
        said.attributes["cells"] = cells
        return said.message(link.session.now)
    place(said, fields[FIRST : FIRST + 7])
    day = dmy(fields[FIRST + 7], "000000")
    now = link.session.now
    said.time = now if 0.0 <= now - day < DAY_S else day
    return said.message(now)


@handles(HANDLERS, "V0", "HTBT")
def heartbeat(link: Link, fields: Fields) -> Message:
    """HTBT, V0: perhaps the battery in percent. The answer repeats the kind."""
    percent = amount(fields[FIRST]) if len(fields) > FIRST else None
    attributes = {} if percent is None else {"battery_percent": percent}
    return Heartbeat(link.text(fields[2]), attributes=attributes)


@handles(HANDLERS, "XT", "")
def silent_heartbeat(link: Link, fields: Fields) -> Message:  # noqa: ARG001
    """XT of CanTrack, and frames with an identity alone. Not answered."""
    return Heartbeat()


@handles(HANDLERS, "V3")
def stations(link: Link, fields: Fields) -> Message:
    """V3: time, MCC and MNC in one, count, then LAC, cell, strength, dBm each; battery in hex,
    reboots, X, date, status. Either of the strengths may be missing.
    """
    clock, network, number = fields[FIRST : FIRST + 3]
    mcc, mnc = int(network[:3]), int(network[3:])
    at = FIRST + 3
    cells = []
    for _ in range(int(number)):
        lac, cid, level, dbm = fields[at : at + 4]
        entry = station(mcc, mnc, int(lac), int(cid), whole(level))
        if DBM.fullmatch(dbm) and int(dbm):
            entry["rssi_dbm"] = int(dbm)
        cells.append(entry)
        at += 4
    battery, reboots, _, date, status = fields[at : at + 5]
    said = Report(time=link.session.utc(dated(date, clock)))
    read_status(int(status, 16), said, link.bits)
    said.attributes |= {"cells": cells, "battery_v": round(int(battery, 16) * VOLTS_PER_STEP, 2)}
    if (times := count(reboots)) is not None:
        said.attributes["reboots"] = times
    return said.message(link.session.now)


@handles(HANDLERS, "NBR")
def neighbours(link: Link, fields: Fields) -> Message:
    """NBR: time, MCC, MNC, timing advance, count, then LAC, cell, strength each; date, status,
    perhaps the battery 1 to 6. Confirmed.
    """
    clock, mcc, mnc, _, number = fields[FIRST : FIRST + 5]
    at = FIRST + 5
    cells = []
    for _ in range(int(number)):
        lac, cid, level = fields[at : at + 3]
        cells.append(station(int(mcc), int(mnc), int(lac), int(cid), whole(level)))
        at += 3
    date, status = fields[at : at + 2]
    said = Report(time=link.session.utc(dated(date, clock)))
    read_status(int(status, 16), said, link.bits)
    said.attributes["cells"] = cells
    step = whole(fields[at + 2]) if len(fields) > at + 2 else None
    percent = None if step is None else level_percent(step)
    if percent is not None:
        said.attributes["battery_percent"] = percent
    return said.message(link.session.now, link.ack("NBR"))


@handles(HANDLERS, "LINK")
def link_state(link: Link, fields: Fields) -> Message:
    """LINK of watches: time, GSM strength, satellites, battery percent, steps, turnovers, date,
    status.
    """
    clock, signal, satellites, battery, steps, turnovers, date, status = fields[FIRST : FIRST + 8]
    said = Report(time=link.session.utc(dated(date, clock)), satellites=whole(satellites))
    read_status(int(status, 16), said, link.bits)
    said.attributes |= {
        "signal_csq": whole(signal),
        "battery_percent": amount(battery),
        "steps": whole(steps),
        "turnovers": whole(turnovers),
    }
    return said.message(link.session.now)


@handles(HANDLERS, "V4")
def confirmation(link: Link, fields: Fields) -> Message:
    """V4: command, perhaps its parameters and a word for its result, time of the command, then
    perhaps a position.
    """
    code = fields[FIRST]
    start = position_start(fields)
    words = fields[FIRST + 1 : start]
    marks = {word.upper() for word in words}
    fixes: tuple[Fix, ...] = ()
    if start < len(fields):
        fix = located(link, fields, start).fix(link.session.now)
        fixes = (fix,) if fix is not None else ()
    return Reply(
        durable=True,
        reference=link.reference(code, words),
        success=not marks & BAD_WORDS,
        text=",".join([code, *words]),
        fixes=fixes,
    )


def position_start(fields: Fields) -> int:
    """Index of the time of day of the position in a confirmation; behind the end if none."""
    for at in range(FIRST + 1, len(fields) - 8):
        if DATE.fullmatch(fields[at]) and fields[at + 1] in VALIDITY:
            return at
    return len(fields)


@handles(HANDLERS, "SMS")
def words(link: Link, fields: Fields) -> Message:  # noqa: ARG001
    """SMS: the answer to a command in words."""
    return Reply(text=",".join(fields[FIRST:]))


def unknown(link: Link, fields: Fields) -> Outcome:
    """Any other kind: a position if it is laid out like one, else kept as it is."""
    placed = len(fields) > FIRST + 8 and DATE.fullmatch(fields[FIRST]) is not None
    if placed and not fields[2].startswith("V"):  # a kind of which less is known
        date = DATE.fullmatch(fields[FIRST + 8])
        placed = fields[FIRST + 1] in VALIDITY and date is not None
    if placed:
        try:
            return more_positions(link, fields)
        except (DecodeError, ValueError):
            pass
    data = ",".join(fields[FIRST:])[:EXTRA_MOST]
    return Notice(kind="unknown", attributes={"kind": fields[2][:16], "data": data})
