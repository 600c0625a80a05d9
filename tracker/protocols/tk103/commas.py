"""Messages of TK103 with commas, one function per code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tracker.protocols.base import Message, Notice, Reply
from tracker.protocols.reports import Report, unplaced
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.textfields import EXTRA_MOST, dated, station
from tracker.protocols.tk103.position import read_fields
from tracker.protocols.tk103.wire import Frame, Link

Handler = Callable[[Link, list[str]], Outcome]
HANDLERS: dict[str, Handler] = {}

# By the last two characters of ZC.. and DW..: the same events with a position of three sources.
ALARMS: Mapping[str, str] = {
    **dict.fromkeys(("11", "31", "51"), "movement"),
    **dict.fromkeys(("12", "32", "52"), "low_battery"),
    **dict.fromkeys(("13", "33", "53"), "power_cut"),
    **dict.fromkeys(("17", "37", "57"), "tamper"),
    **dict.fromkeys(("25", "3E", "5E"), "sos"),
    **dict.fromkeys(("26", "3F", "5F"), "tamper"),
    **dict.fromkeys(("27", "40", "60"), "power_low"),
}
IGNITION: Mapping[str, bool] = {
    **dict.fromkeys(("15", "35", "55", "29", "42", "62"), True),
    **dict.fromkeys(("16", "36", "56"), False),
}

ACCESS_POINT = re.compile(r"((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\*(-?\d{1,3})\*\d+", re.ASCII)

# Battery steps of ZC20, by the voltages that devices state beside them.
LEVELS = (0, 0, 10, 20, 50, 80, 100)
NOT_MEASURED = "65535"
FIRST_POINT = 5  # of DW5.: where access points begin


def read_event(code: str, said: Report) -> None:
    """What the code of ZC.. and DW.. says of the vehicle."""
    event = code[2:]
    if code[:2] not in ("ZC", "DW"):
        return
    said.ignition = IGNITION.get(event, said.ignition)
    if event in ALARMS:
        said.alarm(ALARMS[event])
        said.attributes["alarm_code"] = code


@handles(HANDLERS, "ZC20")
def battery(link: Link, fields: list[str]) -> Message:
    """ZC20: date, time, battery step 1-6, battery 0.01 V, power 0.1 V, installed."""
    date, clock, level, battery, power = fields[:5]
    said = Report(time=link.session.utc(dated(date, clock)))
    if level.isdecimal() and int(level) < len(LEVELS):
        said.attributes["battery_percent"] = LEVELS[int(level)]
    if battery.isdecimal() and battery != NOT_MEASURED:
        said.attributes["battery_v"] = int(battery) / 100
    if power.isdecimal() and power != NOT_MEASURED:
        said.attributes["external_v"] = int(power) / 10
    return unplaced(b"", said.unplaced())


@handles(HANDLERS, "ZC03")
def result(link: Link, fields: list[str]) -> Message:  # noqa: ARG001
    """ZC03: date, time, the answer to a command between dollar signs; to which, it does not say."""
    return Reply(text=",".join(fields[2:]).strip("$"))


def stations(link: Link, code: str, fields: list[str]) -> Message | None:
    """DW5.: MCC, MNC, LAC, cell, count, access points of MAC*strength*channel, date, time, perhaps
    more; None if that is not what the fields are.
    """
    if len(fields) < FIRST_POINT + 2 or not all(text.isdecimal() for text in fields[:FIRST_POINT]):
        return None
    mcc, mnc, lac, cid, count = map(int, fields[:FIRST_POINT])
    if len(fields) < FIRST_POINT + count + 2:
        return None
    behind = FIRST_POINT + count
    said = Report(time=link.session.utc(dated(fields[behind], fields[behind + 1])))
    read_event(code, said)
    if lac or cid:
        said.attributes["cells"] = [station(mcc, mnc, lac, cid)]
    found = [ACCESS_POINT.fullmatch(text) for text in fields[FIRST_POINT:behind]]
    wifi = [{"mac": one[1].lower(), "rssi_dbm": int(one[2])} for one in found if one is not None]
    if wifi:
        said.attributes["wifi"] = wifi
    return said.message(link.session.now)


def other(link: Link, frame: Frame, fields: list[str]) -> Outcome:
    """Any other code: a position, stations, or what is not known."""
    said = read_fields(link, fields)
    if said is not None:
        read_event(frame.code, said)
        return said.message(link.session.now)
    found = stations(link, frame.code, fields)
    if found is not None:
        return found
    data = frame.data[:EXTRA_MOST]
    return Notice(kind="unknown", attributes={"kind": frame.code, "data": data})
