"""One function per kind of message that a Suntech device sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.fields import bcd
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.suntech import legacy, universal
from tracker.protocols.suntech.commands import REPORT_WORDS
from tracker.protocols.suntech.crash import crash
from tracker.protocols.suntech.link import Link
from tracker.protocols.suntech.wire import BINARY_LEAST, CRASH, IDENT_BYTES, ZIP, data_of
from tracker.protocols.suntech.zipped import IDENT_DIGITS, KINDS, read_zip

TEXT_MOST = 512  # characters of an answer that are kept

Fields = Sequence[str]
LegacyReader = Callable[[Link, str, Fields], Outcome]
LEGACY: dict[str, LegacyReader] = {}
UNIVERSAL: dict[str, LegacyReader] = {}


def conclude(link: Link, kind: str, said: Report, taken: bytes = b"") -> Message:
    """A report as a message. A status is the answer to a request for one, where there was one."""
    reference = None
    if kind == "STT":
        reference = link.answered(REPORT_WORDS[link.universal])
    fix = said.fix(link.session.now)
    if reference is not None:
        fixes = (fix,) if fix is not None else ()
        return Reply(taken, durable=True, reference=reference, success=True, fixes=fixes)
    return said.message(link.session.now, taken)


def acknowledgement(link: Link, kind: str) -> bytes:
    """What to answer a legacy report: nothing, unless the listener's options say so."""
    ident, options = link.session.ident, link.session.options
    taken = ""
    if options.get("suntech_ack") is True:
        taken = f"{link.model}ACK;{ident}\r"
    if kind == "EMG" and options.get("suntech_ack_emergency") is True:
        taken += f"{link.model}CMD;{ident};02;AckEmerg\r"
    return taken.encode("ascii", "replace")


@handles(LEGACY, "STT", "EMG", "EVT", "ALT")
def report(link: Link, kind: str, fields: Fields) -> Message:
    """See legacy.read_report; the ST410 lists seven stations in front of the date."""
    if len(fields) > legacy.CELL_COUNT * legacy.CELL_FIELDS and legacy.lists_stations(fields):
        said = legacy.read_stations(fields)
    else:
        said = legacy.read_report(kind, fields)
    return conclude(link, kind, said, acknowledgement(link, kind))


@handles(LEGACY, "ALV")
def alive(link: Link, kind: str, fields: Fields) -> Message:  # noqa: ARG001
    """ALV: nothing."""
    return Heartbeat()


@handles(LEGACY, "HTE")
def travel(link: Link, kind: str, fields: Fields) -> Message:  # noqa: ARG001
    """HTE, at the end of a trip: model; software; date; time; ...; identity of the driver, or
    zeros. Its two places have no time of their own, so they are no positions.
    """
    dated = legacy.find_date(fields)
    attributes = {
        "report_time": legacy.moment(fields[dated], fields[dated + 1]),
        "data": ";".join(fields[dated + 2 :])[:TEXT_MOST],
    }
    if fields[-1].strip("0"):
        attributes["driver_id"] = fields[-1]
    return Notice(kind="driver", attributes=attributes)


@handles(UNIVERSAL, "STT", "ALT")
def masked(link: Link, kind: str, fields: Fields) -> Message:
    """See universal.read_text."""
    return conclude(link, kind, universal.read_text(kind, fields))


@handles(UNIVERSAL, "UEX")
def masked_serial(link: Link, kind: str, fields: Fields) -> Message:
    """See universal.read_serial; one that is shorter than its mask says is kept as it is."""
    try:
        said = universal.read_serial(fields)
    except (DecodeError, ValueError, IndexError):
        return unknown(kind, fields)
    return conclude(link, kind, said)


@handles(UNIVERSAL, "BLE")
def beacons(link: Link, kind: str, fields: Fields) -> Message:
    """See universal.read_beacons."""
    return conclude(link, kind, universal.read_beacons(fields))


@handles(UNIVERSAL, "ALV")
def masked_alive(link: Link, kind: str, fields: Fields) -> Message:  # noqa: ARG001
    """ALV: nothing."""
    return Heartbeat()


@handles(UNIVERSAL, "RES", "CMD")
def answered(link: Link, kind: str, fields: Fields) -> Message:  # noqa: ARG001
    """RES: group; command; what the device has to say to it."""
    said = ";".join(fields)
    return Reply(reference=link.answered(said), text=said[:TEXT_MOST])


def response(link: Link, head: str, fields: Fields) -> Message:
    """Res: software; the word of the command, what the device has to say to it."""
    said = ";".join(fields)
    return Reply(reference=link.answered(f"{head};{said}"), text=said[:TEXT_MOST])


def unknown(kind: str, fields: Fields) -> Message:
    """Any other kind: kept as it is."""
    kept = {"kind": kind, "data": ";".join(fields)[:TEXT_MOST]}
    return Notice(kind="unknown", attributes=kept)


def short(link: Link, kind: str, fields: Fields) -> Message:
    """ST910: see legacy.read_short."""
    if kind not in SHORT_KINDS:
        return unknown(kind, fields)
    said = legacy.read_short(kind, fields)
    return conclude(link, SHORT_KINDS[kind], said, acknowledgement(link, SHORT_KINDS[kind]))


SHORT_KINDS: Mapping[str, str] = {"Location": "STT", "Emergency": "EMG", "Alert": "ALT"}


def serial(link: Link, frame: bytes, kind: str) -> Message:
    """UEX of a legacy model: the data may hold any byte, so it is taken out before the fields."""
    stated = data_of(frame)
    if stated is None:
        raise DecodeError("field", "suntech: UEX without data", frame)
    start, end = stated
    head = frame[: start - 1].decode("ascii").split(";")[2:]
    tail = frame[end:-1].decode("ascii", "replace").split(";")[2:]
    said = legacy.read_serial(kind, head, frame[start:end].decode("utf-8", "replace"), tail)
    return conclude(link, kind, said, acknowledgement(link, kind))


def crashed(link: Link, frame: bytes) -> Message:
    """CRR: part; parts; length; data; see crash.crash."""
    head = CRASH.match(frame)
    stated = data_of(frame)
    if head is None or stated is None:
        raise DecodeError("field", "suntech: CRR without data", frame)
    part, parts = (int(text) for text in head[0].split(b";")[2:4])
    return crash(link, part, parts, frame[stated[0] : stated[1]])


def binary(link: Link, frame: bytes) -> Message:
    """A frame in binary, behind its identity: a zip, or a mask and its fields."""
    if frame[0] == ZIP:
        kind = KINDS.get(frame[3], "")
        data = frame[4 + IDENT_BYTES : -1]
        if kind == "ALV":
            return Heartbeat()
        taken = b""
        if link.session.options.get("suntech_ack") is True:
            taken = b"\x15" + frame[4 : 4 + IDENT_BYTES]
        return conclude(link, kind, read_zip(kind, data), taken)
    if len(frame) == 3 + BINARY_LEAST:
        return Heartbeat()
    if frame[0] not in BINARY_KINDS:
        kept = {"kind": f"{frame[0]:02x}", "data": frame[8:][:TEXT_MOST].hex()}
        return Notice(kind="unknown", attributes=kept)
    kind = BINARY_KINDS[frame[0]]
    mask = int.from_bytes(frame[8:11], "big")
    return conclude(link, kind, universal.read_binary(kind, mask, frame[11:]))


BINARY_KINDS: Mapping[int, str] = {0x80: "STT", 0x81: "STT", 0x82: "ALT"}


def binary_ident(frame: bytes) -> str:
    """The identity of a frame in binary."""
    if frame[0] == ZIP:
        return bcd(frame[4 : 4 + IDENT_BYTES])[:IDENT_DIGITS]
    return bcd(frame[3 : 3 + IDENT_BYTES])
