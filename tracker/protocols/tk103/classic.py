"""Messages of TK103 without commas, one function per code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.textfields import EXTRA_MOST, station
from tracker.protocols.tk103.position import read_cells, read_classic
from tracker.protocols.tk103.wire import Frame, Link

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[str, Handler] = {}

IMEI = re.compile(r"\d{15}", re.ASCII)
HEX_CELLS = re.compile(r"[0-9A-Fa-f]+")
VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}")

ALARMS: Mapping[str, str] = {
    "0": "power_cut",
    "1": "collision",
    "2": "sos",
    "3": "vibration",
    "4": "low_speed",
    "5": "overspeed",
    "6": "geofence_exit",
}
ENGINE_ALARMS: Mapping[str, str] = {
    "0": "low_battery",
    "1": "overspeed",
    "2": "idling",
    "3": "acceleration",
    "4": "braking",
    "5": "temperature",
}


@handles(HANDLERS, "BP05")
def login(link: Link, frame: Frame) -> Message:
    """BP05: 15 digits, three zeros and the identity or the IMEI, then a position or stations in
    braces. The answer AP05 stops its repetition.
    """
    said = reported(link, frame.data)
    digits = IMEI.match(frame.data)
    if digits is not None and not digits[0].startswith("000"):
        said.attributes["imei"] = digits[0]
    return said.message(link.session.now, link.text("AP05"))


@handles(HANDLERS, "BP00")
def handshake(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """BP00: 15 digits, HSO."""
    return Heartbeat(link.text("AP01HSO"))


@handles(HANDLERS, "BR00", "BR01", "BR02", "BR03", "BO02")
def position(link: Link, frame: Frame) -> Message:
    """BR00 by time, BR01 by distance, BR02 and others: a position. Not answered."""
    return reported(link, frame.data).message(link.session.now)


@handles(HANDLERS, "BO01")
def alarm(link: Link, frame: Frame) -> Message:
    """BO01: alarm (a digit), position. The answer repeats the digit."""
    code = frame.data[:1]
    said = reported(link, frame.data[1:])
    said.alarm(ALARMS.get(code, "other"))
    said.attributes["alarm_code"] = code
    return said.message(link.session.now, link.text(f"AS01{code}"))


@handles(HANDLERS, "BZ00")
def stations(link: Link, frame: Frame) -> Message:
    """BZ00: stations in braces; or MCC, MNC, then LAC, cell and perhaps strength, in hex."""
    said = Report()
    if not read_cells(frame.data, said):
        fields = [text for text in frame.data.strip(",").split(",") if HEX_CELLS.fullmatch(text)]
        if len(fields) >= 4:
            mcc, mnc = int(fields[0]), int(fields[1])
            said.attributes["cells"] = [station(mcc, mnc, int(fields[2], 16), int(fields[3], 16))]
    return said.message(link.session.now)


@handles(HANDLERS, "BV00")
def vehicle(link: Link, frame: Frame) -> Message:
    """BV00: the vehicle identification number."""
    if VIN.fullmatch(frame.data) is None:
        return other(link, frame)
    return Notice(kind="device", attributes={"vin": frame.data})


@handles(HANDLERS, "BQ81")
def engine_alarm(link: Link, frame: Frame) -> Message:
    """BQ81: ALARM, a digit, perhaps more."""
    parts = frame.data.strip(",").split(",")
    said = read_classic(link, frame.data) or Report()
    code = parts[1] if len(parts) > 1 and parts[0] == "ALARM" else ""
    said.alarm(ENGINE_ALARMS.get(code, "other"))
    said.attributes["alarm_code"] = code
    return said.message(link.session.now)


def reported(link: Link, data: str) -> Report:
    """The position, the stations, or else the text of a report."""
    said = read_classic(link, data)
    if said is not None:
        return said
    said = Report()
    if not read_cells(data, said) and data.strip():
        said.attributes["extra"] = data[:EXTRA_MOST]
    return said


def other(link: Link, frame: Frame) -> Message:
    """The answer to a command, a position under another code, or what is not known."""
    said = read_classic(link, frame.data)
    fix = said.fix(link.session.now) if said is not None else None
    if link.asked.awaits(frame.code):
        return Reply(
            durable=True,
            reference=link.asked.answered(frame.code),
            text=frame.code if fix is not None else f"{frame.code}{frame.data}"[:EXTRA_MOST],
            fixes=(fix,) if fix is not None else (),
        )
    if said is not None:
        return said.message(link.session.now)
    data = frame.data[:EXTRA_MOST]
    return Notice(kind="unknown", attributes={"kind": frame.code, "data": data})
