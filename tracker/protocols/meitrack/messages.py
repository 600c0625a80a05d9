"""One function per command that a Meitrack device sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Message, Notice, Positions, Reply
from tracker.protocols.fields import text
from tracker.protocols.meitrack.batch import read_ccc, read_cce
from tracker.protocols.meitrack.events import REPLY
from tracker.protocols.meitrack.report import read_report
from tracker.protocols.meitrack.said import Said
from tracker.protocols.meitrack.wire import Frame, Link, pack
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[str, Handler] = {}

TEXT_MOST = 512  # characters of an answer that are kept

# Packets of a picture that a device sends before it waits to be asked for the next ones, and the
# flag under which they are asked for.
PACKET_DIGITS = 9  # of the number of a packet of a picture
PICTURE_RUN = 8
PICTURE_FLAG = ord("O")
PICTURE_NAME = "camera_picture.jpg"  # what D03 calls its picture where it is given no name


def answer(frame: Frame, words: str) -> bytes:
    """An answer: the flag and the command of the frame, then these words."""
    return pack(frame.flag, frame.ident, f"{frame.command},{words}".encode())


@handles(HANDLERS, "AAA")
def report(link: Link, frame: Frame) -> Message:
    """AAA: see report.read_report. Not answered. Event 34 is the answer to the command A10."""
    return one(link, frame, frame.data.decode("utf-8", "replace").split(","), b"")


@handles(HANDLERS, "AFF")
def confirmed_report(link: Link, frame: Frame) -> Message:
    """AFF: reports left in the device, then as AAA. It is kept by the device until its number is
    answered. "OK" in place of the number is the answer to a command.
    """
    left, _, rest = frame.data.decode("utf-8", "replace").partition(",")
    if not left.isalnum() or not rest or left == "OK":
        return other(link, frame)
    return one(link, frame, rest.split(","), answer(frame, "1"))


def one(link: Link, frame: Frame, fields: Sequence[str], taken: bytes) -> Message:
    """A text report as a message."""
    said = read_report(link, fields)
    fix = said.finish()
    reference = link.answered(frame.flag) if said.event == REPLY else None
    if reference is not None:
        fixes = (fix,) if fix is not None else ()
        return Reply(taken, reference=reference, success=True, fixes=fixes)
    if fix is not None:
        return Positions(taken, durable=bool(taken), fixes=(fix,))
    return replace(said.without_place(), answer=taken, durable=bool(taken))


@handles(HANDLERS, "CCC")
def batch(link: Link, frame: Frame) -> Outcome:  # noqa: ARG001
    """CCC: see batch.read_ccc. Acknowledged with the number of records."""
    records = read_ccc(frame.data)
    return several(records, answer(frame, str(len(records))))


@handles(HANDLERS, "CCE")
def flexible_batch(link: Link, frame: Frame) -> Outcome:
    """CCE: see batch.read_cce. Acknowledged as CCC with option `meitrack_ack_cce`: only devices
    that are set up for it wait for that.
    """
    records = read_cce(frame.data)
    wanted = link.session.options.get("meitrack_ack_cce") is True
    return several(records, answer(frame, str(len(records))) if wanted else b"")


def several(records: Sequence[Said | DecodeError], taken: bytes) -> Outcome:
    """Records as messages. One impossible record does not cost the others."""
    fixes = []
    before: list[Message | DecodeError] = []
    after: list[Message | DecodeError] = []
    for said in records:
        if isinstance(said, DecodeError):
            after.append(said)
            continue
        try:
            fix = said.finish()
        except DecodeError as error:
            after.append(error)
            continue
        if fix is not None:
            fixes.append(fix)
        else:
            before.append(said.without_place())
    if not (fixes or taken):
        return [*before, *after]
    stored = Positions(taken, durable=bool(taken), fixes=tuple(fixes))
    return [*before, stored, *after]


@handles(HANDLERS, "AAC")
def login(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """AAC: how some models begin. The Login of its IMEI has gone before."""
    return Heartbeat(answer(frame, "1"))


@handles(HANDLERS, "D00")
def picture(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """D00: name, number of packets, index, data, which is not kept. The device sends eight packets
    at a time, then it waits to be asked for the next.
    """
    name, total, index, data = frame.data.split(b",", 3)
    number, packets = int(index[:PACKET_DIGITS]), int(total[:PACKET_DIGITS])
    taken = b""
    if (number + 1) % PICTURE_RUN == 0 and number + 1 < packets:
        taken = ask_for_picture(frame.ident, text(name), number + 1)
    attributes: dict[str, Any] = {
        "media_type": "image",
        "name": text(name),
        "block": number,
        "blocks": packets,
        "size_bytes": len(data),
    }
    return Notice(taken, kind="media", attributes=attributes)


def ask_for_picture(ident: str, name: str, index: int) -> bytes:
    """The request for a picture from this packet on."""
    return pack(PICTURE_FLAG, ident, f"D00,{name},{index}".encode())


@handles(HANDLERS, "D03")
def picture_taken(link: Link, frame: Frame) -> Message:
    """D03: the answer to the command that takes a picture; the picture is asked for."""
    taken = ask_for_picture(frame.ident, PICTURE_NAME, 0) if frame.data == b"OK" else b""
    return reply(link, frame, taken)


REPORT = re.compile(
    rb"(?:[0-9]{1,8},)?(?P<report>[0-9]{1,5},-?[0-9]+\.[0-9]+,-?[0-9]+\.[0-9]+,[0-9]{12},[AV],)"
)


def other(link: Link, frame: Frame) -> Message:
    """Any other command: the answer to ours; with some models a report, as AAA or AFF have it."""
    found = REPORT.match(frame.data)
    if found is None:
        return reply(link, frame, b"")
    said = frame.data[found.start("report") :].decode("utf-8", "replace")
    return one(link, frame, said.split(","), b"")


def reply(link: Link, frame: Frame, taken: bytes) -> Message:
    """The device's answer to the command with this flag: OK, Error, or what was asked for."""
    said = text(frame.data, "utf-8")[:TEXT_MOST]
    words = said.upper().split(",")
    success = True if "OK" in words else False if "ERROR" in words else None
    spoken = f"{frame.command},{said}" if said else frame.command
    return Reply(taken, reference=link.whose(frame.flag), success=success, text=spoken)
