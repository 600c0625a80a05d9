"""Queclink text reports as messages, and their acknowledgements."""

from __future__ import annotations

from tracker.protocols.base import Alarm, Heartbeat, Message, Notice, Positions, Reply
from tracker.protocols.queclink import engine, info, kinds
from tracker.protocols.queclink.report import Report, read_places
from tracker.protocols.queclink.wire import Link
from tracker.protocols.stream import merged

READERS = merged(kinds.READERS, engine.READERS, info.READERS)

HEARTBEAT = "HBD"


def acknowledgement(link: Link, report: Report) -> bytes:
    """+SACK of a heartbeat; of anything else only with option `queclink_sack`, for devices that
    are set up to wait for it.
    """
    if report.source == "ACK" and report.kind == HEARTBEAT:
        return f"+SACK:GT{HEARTBEAT},{report.version},{report.count}$".encode()
    if link.session.options.get("queclink_sack") is True:
        return f"+SACK:{report.count}$".encode()
    return b""


def conclude(link: Link, report: Report) -> Message:
    """The message of a report, whatever its kind."""
    taken = acknowledgement(link, report)
    link.device_type = report.device_type
    if report.source == "ACK":
        return answer(link, report, taken)
    read_places(report)
    READERS.get(report.kind, kinds.plain)(report)
    if report.fixes:
        last = report.fixes[-1](
            satellites=report.satellites,
            ignition=report.ignition,
            alarms=tuple(report.alarms or ()),
        )
        fixes = (*(fix() for fix in report.fixes[:-1]), last)
        return Positions(taken, durable=bool(taken), fixes=fixes)
    if report.alarms:
        return Alarm(
            taken,
            durable=bool(taken),
            alarms=tuple(report.alarms),
            attributes=report.attributes,
        )
    return Heartbeat(
        taken,
        durable=bool(taken),
        ignition=report.ignition,
        attributes=report.attributes,
    )


def answer(link: Link, report: Report, taken: bytes) -> Message:
    """+ACK: of a heartbeat; else the answer to a command, whose serial is the last field."""
    if report.kind == HEARTBEAT:
        return Heartbeat(taken)
    serial = report.body[-1] if report.body else ""
    reference = link.answered(serial)
    spoken = ",".join([f"GT{report.kind}", *report.body[:-1]]).rstrip(",")
    if reference is None:
        return Notice(taken, kind="text", attributes={"text": spoken})
    return Reply(taken, reference=reference, success=True, text=spoken)
