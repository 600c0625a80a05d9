"""One function per type of message that a Wialon IPS device sends."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import (
    Alarm,
    Heartbeat,
    Login,
    Message,
    Notice,
    Positions,
    Refused,
    Reply,
)
from tracker.protocols.fields import text
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.wialon import point
from tracker.protocols.wialon.point import EXTENDED, SHORT, Point
from tracker.protocols.wialon.wire import Line, Link, answer, check_block, checked

Handler = Callable[[Link, Line], Outcome]
HANDLERS: dict[str, Handler] = {}

ACCEPTED, REJECTED, BAD_PASSWORD, BAD_CRC = "1", "0", "01", "10"
KEPT_BYTES = 256  # of a message that is not decoded

_VERSION = re.compile(rb"\d\.\d")
_IDENT_MOST = 50


@handles(HANDLERS, "L")
def login(link: Link, line: Line) -> Message:
    """L: IMEI;password in 1.x, version;IMEI;password;CRC in 2.x.

    Where the listener has a `wialon_password`, the password must be that one.
    """
    fields = line.text.split(b";")
    if len(fields) > 1 and _VERSION.fullmatch(fields[0]):
        content = checked(line.text, line.text.rfind(b";") + 1, required=True)
        version, fields = int(fields[0][:1]), content[:-1].split(b";")[1:]
    else:
        version = 1
    ident = fields[0].decode("utf-8", "replace").strip()
    if not ident or len(ident) > _IDENT_MOST or not ident.isprintable():
        raise DecodeError("field", "wialon: no identity in a login", line.text)
    wanted = link.session.options.get("wialon_password")
    password = fields[1] if len(fields) > 1 else b""
    if wanted is not None and not hmac.compare_digest(password, str(wanted).encode()):
        return Refused(answer("L", BAD_PASSWORD), reason="password")
    link.version = version
    link.session.ident = ident
    return Login(answer("L", ACCEPTED), ident=ident, refusal=answer("L", REJECTED))


def body(line: Line, plain: int) -> str:
    """A body of `plain` fields without its CRC, which 2.x must have and 1.x may have."""
    count = line.text.count(b";") + 1
    if line.version < 2 and count <= plain:
        return line.text.decode("utf-8", "replace")
    if line.version >= 2 and count == plain:
        raise DecodeError("checksum", "wialon: no CRC", line.text)
    content = checked(line.text, line.text.rfind(b";") + 1, required=line.version >= 2)
    return content[:-1].decode("utf-8", "replace")


@handles(HANDLERS, "SD")
def short_data(link: Link, line: Line) -> Message:
    """SD: see point.read; ten fields."""
    return report(link, line, SHORT)


@handles(HANDLERS, "D")
def extended_data(link: Link, line: Line) -> Message:
    """D: see point.read; sixteen fields, of which some devices leave out the last."""
    return report(link, line, EXTENDED)


def report(link: Link, line: Line, plain: int) -> Message:
    """A body as a message: a position if it has one, else an alarm or a heartbeat."""
    said = point.read(body(line, plain), link.session.now)
    return conclude(said, answer(line.kind, ACCEPTED))


def conclude(said: Point, taken: bytes) -> Message:
    """What a body says, as a message."""
    if said.fix is not None:
        return Positions(taken, durable=True, fixes=(said.fix,))
    if said.alarms:
        return Alarm(taken, durable=True, alarms=said.alarms, attributes=said.attributes)
    return Heartbeat(taken, durable=True, ignition=said.ignition, attributes=said.attributes)


@handles(HANDLERS, "B")
def black_box(link: Link, line: Line) -> Outcome:
    """B: bodies of short or extended data with | between them; in 2.x the CRC is the last of them.

    Acknowledged with the number of those that could be read.
    """
    end = line.text.rfind(b"|") + 1
    content = line.text
    if b";" not in line.text[end:]:
        content = checked(line.text, end, required=line.version >= 2)
    elif line.version >= 2:
        raise DecodeError("checksum", "wialon: no CRC", line.text)
    before: list[Message | DecodeError] = []
    after: list[Message | DecodeError] = []
    fixes = []
    taken = 0
    for entry in content.decode("utf-8", "replace").split("|"):
        if not entry.strip():
            continue
        try:
            said = point.read(entry, link.session.now, stored=True)
        except DecodeError as error:
            after.append(error)
            continue
        taken += 1
        if said.fix is not None:
            fixes.append(said.fix)
        else:
            before.append(conclude(said, b""))
    stored = Positions(answer("B", taken), durable=True, fixes=tuple(fixes))
    return stored if not (before or after) else [*before, stored, *after]


@handles(HANDLERS, "P")
def ping(link: Link, line: Line) -> Message:  # noqa: ARG001
    """P: nothing."""
    return Heartbeat(answer("P"))


@handles(HANDLERS, "M")
def driver_text(link: Link, line: Line) -> Message:
    """M: text, in 2.x with CRC. It is the answer to a custom command where one is unanswered."""
    content = line.text
    if line.version >= 2:
        content = checked(content, content.rfind(b";") + 1, required=True)[:-1]
    said = text(content, "utf-8")
    taken = answer("M", ACCEPTED)
    if link.customs:
        return Reply(taken, reference=link.customs.popleft(), text=said)
    return Notice(taken, kind="text", attributes={"text": said})


@handles(HANDLERS, "AM")
def text_taken(link: Link, line: Line) -> Message:
    """AM: the answer to our M: 1 taken, 0 not, 01 wrong CRC."""
    result = text(line.text)
    reference = link.texts.popleft() if link.texts else None
    success = result == ACCEPTED
    return Reply(reference=reference, success=success, text="" if success else f"result {result}")


def block_size(line: Line) -> int | None:
    """Bytes of the binary block behind this line, None if there is none."""
    place = BLOCKS.get(line.kind)
    if place is None:
        return None
    fields = line.text.split(b";")
    if len(fields) <= place or not fields[place].isdigit():
        raise DecodeError("length", f"wialon: no size in {line.kind}", line.text)
    return int(fields[place])


BLOCK_DIGITS = 9
BLOCKS: Mapping[str, int] = {"I": 0, "T": 1}  # by type: which field is the size


def block_number(field: bytes) -> int:
    """The index of a block, or how many there are."""
    if not field.isdigit() or len(field) > BLOCK_DIGITS:
        raise DecodeError("length", "wialon: no number of a block", field)
    return int(field)


def check(line: Line, plain: int) -> list[bytes]:
    """The fields of a line with a block; with one more than `plain`, that is the block's CRC."""
    fields = line.text.split(b";")
    if len(fields) > plain or line.version >= 2:
        check_block(line.block or b"", fields[-1])
    return fields


@handles(HANDLERS, "I")
def picture(link: Link, line: Line) -> Message:  # noqa: ARG001
    """I: size; index; number of blocks; date; time; name; CRC of the block; then the block, which
    is not kept. A block is acknowledged by its index, after the last one the whole picture.
    """
    fields = check(line, 6)
    index, last = block_number(fields[1]), block_number(fields[2]) - 1
    taken = answer("I", f"{index};{ACCEPTED}")
    if index >= last:
        taken += answer("I", ACCEPTED)
    attributes: dict[str, Any] = {
        "media_type": "image",
        "block": index,
        "blocks": last + 1,
        "name": text(fields[5], "utf-8") if len(fields) > 5 else "",
        "size_bytes": len(line.block or b""),
    }
    return Notice(taken, kind="media", attributes=attributes)


@handles(HANDLERS, "IT")
def tachograph(link: Link, line: Line) -> Message:
    """IT: date; time; driver; code; number of blocks; CRC."""
    content = line.text
    if line.version >= 2:
        content = checked(content, content.rfind(b";") + 1, required=True)[:-1]
    fields = content.split(b";")
    link.packets = block_number(fields[4])
    attributes = {"driver_id": text(fields[2], "utf-8"), "blocks": link.packets}
    return Notice(answer("IT", ACCEPTED), kind="media_event", attributes=attributes)


@handles(HANDLERS, "T")
def tachograph_block(link: Link, line: Line) -> Message:
    """T: code; size; index; CRC of the block; then the block, which is not kept."""
    fields = check(line, 3)
    index = block_number(fields[2])
    taken = answer("T", f"{index};{ACCEPTED}")
    if index + 1 >= link.packets:
        taken += answer("T", ACCEPTED)
    size = len(line.block or b"")
    return Notice(taken, kind="media", attributes={"block": index, "size_bytes": size})


def unknown(link: Link, line: Line) -> Message:  # noqa: ARG001
    """Any other type: kept as it is. What its answer would be is not known."""
    kept = {"kind": line.kind, "text": text(line.text[:KEPT_BYTES], "utf-8")}
    return Notice(kind="unknown", attributes=kept)


# What is answered to a message that cannot be taken, by type and by the kind of the fault.
_DATA = {
    point.STRUCTURE: "-1",
    point.TIME: "0",
    point.PLACE: "10",
    point.MOTION: "11",
    point.SATELLITES: "12",
}
REFUSALS: Mapping[str, Mapping[str, str]] = {
    "L": {"checksum": BAD_CRC},
    "SD": {**_DATA, "checksum": "13"},
    "D": {
        **_DATA,
        point.PORTS: "13",
        point.ANALOG: "14",
        point.PARAMETERS: "15",
        "checksum": "16",
    },
    "B": {"checksum": "", "": "0"},
    "M": {"checksum": "01"},
    "I": {"checksum": "NA;01", "": "NA;0"},
    "IT": {"checksum": "01"},
    "T": {"checksum": "NA;01", "": "NA;0"},
}


def refusal(line: Line, kind: str) -> bytes | None:
    """The answer to a message that was not taken; None where the protocol has none."""
    codes = REFUSALS.get(line.kind)
    if codes is None:
        return None
    if kind in ("checksum", "") or "" not in codes:
        return answer(line.kind, codes.get(kind, codes.get("", REJECTED)))
    return answer(line.kind, codes[""])
