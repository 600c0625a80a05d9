"""What GPS watches say, one function per name of a content."""

from __future__ import annotations

from collections.abc import Callable

from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.textfields import EXTRA_MOST, amounts
from tracker.protocols.watch.position import read_position
from tracker.protocols.watch.wire import Frame, Link, unescape

Fields = list[str]
Handler = Callable[[Link, Frame, Fields], Outcome]
HANDLERS: dict[str, Handler] = {}

SETTINGS_MOST = 512  # characters: a watch names some thirty functions
PLACED = 11  # fields of a position that cannot be missing, its name included


WALKED = ("steps", "turnovers", "battery_percent")


@handles(HANDLERS, "LK")
def link_keep(link: Link, frame: Frame, fields: Fields) -> Message:
    """LK: nothing, or steps, turnovers, battery percent. A watch stays silent until answered."""
    attributes = amounts(WALKED, fields[1:]) if len(fields) > len(WALKED) else {}
    return Heartbeat(link.text("LK", frame.number), attributes=attributes)


@handles(HANDLERS, "UD", "UD3", "UD_LTE", "UD_WCDMA", "WT")
def position(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """UD: a position; WT: one with which the watch asks for the weather, or its name alone. Not
    answered.
    """
    if not any(fields[1:]):
        return Heartbeat()
    return read_position(link, fields[1:]).message(link.session.now)


@handles(HANDLERS, "UD2")
def stored_position(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """UD2: a position from the time without a connection."""
    if not any(fields[1:]):
        return Heartbeat()
    said = read_position(link, fields[1:])
    said.stored = True
    return said.message(link.session.now)


@handles(HANDLERS, "AL", "AL_LTE", "AL_WCDMA")
def alarm(link: Link, frame: Frame, fields: Fields) -> Message:
    """AL: a position whose status holds the alarm. It is repeated until it is answered."""
    said = read_position(link, fields[1:]) if len(fields) >= PLACED else Report()
    if not said.alarms:
        said.alarm("other")
    if "status" in said.attributes:
        said.attributes["alarm_code"] = said.attributes["status"]
    return said.message(link.session.now, link.text("AL", frame.number))


@handles(HANDLERS, "INIT")
def first_start(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """INIT: the watch was started for the first time."""
    return Heartbeat(link.text("INIT,1", frame.number))


@handles(HANDLERS, "TKQ", "TKQ2")
def messages_waiting(link: Link, frame: Frame, fields: Fields) -> Message:
    """TKQ, TKQ2: does a voice message wait? None ever does."""
    return Heartbeat(link.text(fields[0], frame.number))


@handles(HANDLERS, "TK")
def voice(link: Link, frame: Frame, fields: Fields) -> Message:
    """TK: a voice message, AMR, escaped. It is taken and not kept; 1 ends its repetition."""
    if len(fields) < 2 or fields[1] in ("", "0", "1"):  # the answer to one of ours
        return Reply(reference=link.asked.answered("TK"), text=",".join(fields[1:]))
    count = len(unescape(frame.content.partition(b",")[2]))
    return media("audio", count, link.text("TK,1", frame.number))


@handles(HANDLERS, "JXTK")
def voice_part(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """JXTK: kind, name, number of the part, parts, then AMR, escaped: one part of a message."""
    parts = frame.content.split(b",", 5)
    count = len(unescape(parts[5]))
    return media("audio", count, link.text("JXTKR,1", frame.number))


@handles(HANDLERS, "img", "IMG", "rcapture")
def photograph(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """img: number, ddmmyyhhmmss, JPEG, escaped. It is not kept."""
    count = len(unescape(frame.content.split(b",", 3)[-1]))
    return media("image", count)


def media(kind: str, size_bytes: int, answer: bytes = b"") -> Message:
    """Sound or picture: what it was and how much of it."""
    attributes = {"media_type": kind, "size_bytes": size_bytes}
    return Notice(answer, kind="media", attributes=attributes)


def measured(echoed: bool, names: tuple[str, ...], *kinds: str, skip: int = 0) -> None:
    """Register contents that are measurements in order, and whether their name is sent back."""

    @handles(HANDLERS, *kinds)
    def measurement(link: Link, frame: Frame, fields: Fields) -> Message:
        attributes = amounts(names, fields[1 + skip :])
        answer = link.text(fields[0], frame.number) if echoed else b""
        return Heartbeat(answer, attributes=attributes)


PRESSURE = ("blood_pressure_high", "blood_pressure_low")
measured(False, ("heart_rate_bpm",), "PULSE", "heart", "HEART")
measured(False, PRESSURE, "BLOOD")
measured(True, (*PRESSURE, "heart_rate_bpm"), "bphrt")
measured(False, ("blood_oxygen_percent",), "oxygen", skip=1)
measured(False, ("body_temperature_c",), "TEMP")
measured(True, ("body_temperature_c",), "btemp2", skip=1)


@handles(HANDLERS, "CONFIG", "PP", "DEVICEFUNCCOUNT")
def settings(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """CONFIG and others: what the watch is set to and can do. Not answered."""
    text = ",".join(fields[1:])[:SETTINGS_MOST]
    return Notice(kind="settings", attributes={fields[0]: text})


@handles(HANDLERS, "ICCID")
def sim(link: Link, frame: Frame, fields: Fields) -> Message:  # noqa: ARG001
    """ICCID: of the SIM card."""
    iccid = ",".join(fields[1:])[:20]
    return Notice(kind="sim", attributes={"iccid": iccid} if iccid else {})


def other(link: Link, frame: Frame, fields: Fields) -> Outcome:
    """A variant of a position or alarm, the answer to a command, or what is not known."""
    name = fields[0]
    if name.startswith("AL") and len(fields) >= PLACED:
        return alarm(link, frame, fields)
    if name.startswith("UD") and len(fields) >= PLACED:
        return position(link, frame, fields)
    text = ",".join(fields[1:])
    if link.asked.awaits(name.upper()):
        return Reply(reference=link.asked.answered(name.upper()), text=text)
    data = text[:EXTRA_MOST]
    return Notice(kind="unknown", attributes={"kind": name[:16], "data": data})
