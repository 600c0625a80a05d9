"""What Navtelecom devices say: one function per kind of NTCB body and of FLEX message."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Login, Message, Notice, Reply
from tracker.protocols.fields import text
from tracker.protocols.navtelecom.fields import NUMBERS, READERS
from tracker.protocols.navtelecom.formats import read_format
from tracker.protocols.navtelecom.layout import agreed
from tracker.protocols.navtelecom.said import Said
from tracker.protocols.navtelecom.wire import Link, flex
from tracker.protocols.reports import conclude, mark_stored
from tracker.protocols.stream import Outcome, handles

BODIES: dict[bytes, Callable[[Link, bytes], Outcome]] = {}
MESSAGES: dict[int, Callable[[Link, bytes], Outcome]] = {}

FLEX, VERSIONS = 0xB0, frozenset({0x0A, 0x14, 0x1E})
KEPT_BYTES = 256  # of what is not decoded
IDENTITY_LEAST = 8  # digits; an IMEI has 15


def body_kind(body: bytes) -> bytes:
    """Which function a body belongs to: `*>S`, `*>F` and so on, or `*@`, `*#`, `*Z`."""
    return body[:3] if body[1:2] == b">" else body[:2]


@handles(BODIES, b"")
def keep_alive(link: Link, body: bytes) -> Outcome:  # noqa: ARG001
    """An empty body: still there."""
    return Heartbeat() if link.session.ident is not None else ()


@handles(BODIES, b"*>S")
def identity(link: Link, body: bytes) -> Message:
    """*>S : IMEI in ASCII. Answer *<S; a device that may not report is not answered."""
    ident = text(body[4:])
    if body[3:4] != b":" or len(ident) < IDENTITY_LEAST or not ident.isalnum():
        raise DecodeError("field", "navtelecom: no identity", body)
    link.session.ident = ident
    return Login(link.send(b"*<S"), ident=ident)


@handles(BODIES, b"*>F")
def agreement(link: Link, body: bytes) -> Outcome:
    """*>FLEX, B0, version u8 and version of the structure u8 (0A, 14, 1E), number of fields u8, a
    bit for each. Answer *<FLEX with the versions, which are all taken.
    """
    if body[:7] != b"*>FLEX\xb0" or not VERSIONS.issuperset(body[7:9]):
        raise DecodeError("field", "navtelecom: FLEX of an unknown version", body)
    link.layout = agreed(body[9], body[10:])
    return named(link, Heartbeat(link.send(b"*<FLEX" + body[6:9])))


def named(link: Link, message: Message) -> Message:
    """The message, if it is known whose it is. Raises DecodeError."""
    if link.session.ident is None:
        raise DecodeError("login", "navtelecom: the device has not named itself")
    return message


@handles(BODIES, b"*>T")
def one_format(link: Link, body: bytes) -> Outcome:
    """*>T, a record of a fixed format. Answer *<T and its index u32."""
    said, index, _ = read_format(body, 3)
    return told(link, [said], link.send(b"*<T" + index.to_bytes(4, "little")))


@handles(BODIES, b"*>A")
def formats(link: Link, body: bytes) -> Outcome:
    """*>A, number of records u8, records of fixed formats. Answer *<A and the number."""
    at, count = 4, body[3]
    found: list[Said] = []
    for _ in range(count):
        said, _, at = read_format(body, at)
        found.append(said)
    return told(link, found, link.send(b"*<A" + bytes((count,))))


@handles(BODIES, b"*@", b"*#", b"*Z")
def answer(link: Link, body: bytes) -> Message:
    """*@ and *#: the answer to a command or a question, in words; *Z: it is not known."""
    reference = link.asked.answered(None)
    words = text(body, "cp1251")
    refused, done = body[1:2] == b"Z", b" OK" in body
    success = False if refused else True if done else None
    return named(link, Reply(reference=reference, success=success, text=words))


def unknown(link: Link, body: bytes) -> Message:
    """Any other body: kept."""
    kept = {"kind": text(body[:8]), "data": body[:KEPT_BYTES].hex()}
    return named(link, Notice(kind="unknown", attributes=kept))


@handles(MESSAGES, ord("A"))
def records(link: Link, frame: bytes) -> Outcome:
    """~A, number of records u8, records. Answer ~A and the number."""
    assert link.layout is not None  # noqa: S101 - it could not have been cut
    size = link.layout.size
    found = [link.layout.read(frame, 3 + size * number) for number in range(frame[2])]
    return told(link, _finished(found), flex(frame[:3]))


@handles(MESSAGES, ord("T"))
def urgent(link: Link, frame: bytes) -> Outcome:
    """~T, index of the event u32, record. Answer ~T and the index."""
    assert link.layout is not None  # noqa: S101 - it could not have been cut
    return told(link, _finished([link.layout.read(frame, 6)]), flex(frame[:6]))


@handles(MESSAGES, ord("C"))
def current(link: Link, frame: bytes) -> Outcome:
    """~C, record. Answer ~C."""
    assert link.layout is not None  # noqa: S101 - it could not have been cut
    return told(link, _finished([link.layout.read(frame, 2)]), flex(frame[:2]))


@handles(MESSAGES, ord("E"))
def packets(link: Link, frame: bytes) -> Outcome:
    """~E, number of packets u8, packets. Answer ~E and the number."""
    at = 3
    found: list[Said] = []
    for _ in range(frame[2]):
        end = at + 2 + int.from_bytes(frame[at : at + 2], "little")
        found.append(_packet(frame[at + 2 : end]))
        at = end
    return told(link, _finished(found), flex(frame[:3]))


@handles(MESSAGES, ord("X"))
def urgent_packet(link: Link, frame: bytes) -> Outcome:
    """~X, index of the event u32, packet. Answer ~X and the index."""
    return told(link, _finished([_packet(frame[8:-1])]), flex(frame[:6]))


# Fields of the fixed part of a packet, in their order: number of the field, how it is unpacked.
PACKET_FIELDS = (1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15)
_PACKET = struct.Struct("<IHIBIiiifHf")


def _packet(data: bytes) -> Said:
    """Version u8, length of the fixed part u8, the fixed part, data of a kind of its own."""
    said = Said()
    fixed = data[2 : 2 + data[1]]
    for field, value in zip(PACKET_FIELDS, _PACKET.unpack_from(fixed), strict=True):
        number, reader = NUMBERS.get(field), READERS.get(field)
        if number is not None:
            said.attributes[number.name] = value
        elif reader is not None:
            reader(said, value, field)
    if rest := data[2 + data[1] :]:
        said.attributes["extra"] = rest[:KEPT_BYTES].hex()
    return said


def _finished(found: list[Said]) -> list[Said]:
    for said in found:
        said.finish()
    return found


def told(link: Link, found: list[Said], taken: bytes) -> Outcome:
    """Messages of records; the answer promises that they are stored."""
    named(link, Heartbeat())
    mark_stored(found)
    return conclude(found, taken)
