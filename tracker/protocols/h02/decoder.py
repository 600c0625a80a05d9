"""The decoder of one connection that speaks H02."""

from __future__ import annotations

import re

from tracker.protocols.base import Family, Match, Session
from tracker.protocols.framing import NEVER
from tracker.protocols.h02 import records, texts
from tracker.protocols.h02.commands import COMMANDS
from tracker.protocols.h02.wire import (
    FRAMING,
    LONG_RECORD,
    PADDING_MOST,
    RECORD,
    SHORT_BASE,
    TAIL,
    Link,
    begins,
    record_base,
    record_size,
    tail_size,
)
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder, partial, probe_text

# Upro sends *HQ too, but no comma behind it.
EVIDENCE = re.compile(
    rb"(?:\A|#|\n)[\r\n]*\*[A-Za-z]{2},(?:\d{10}|\d{15}),"
    rb"(?:V(?:\d\d?|I1|P1)|NBR|LINK|HTBT|XT|SMS)[,#]"
)
MARK = re.compile(partial(rb"\*", *[rb"[A-Za-z]"] * 2, b",", *[rb"\d"] * 10))


class H02Decoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/h02.md."""

    name = "h02"
    framing = FRAMING
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        self._tailed = False  # the records of this device have their tail
        self._whose = b""  # which device that is, as its records name it
        self._tail_due = False  # what comes now may be the tail of the record just cut
        self._padding = 0  # bytes that may still belong to it

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet; a tail that never comes is none."""
        return 0 if self._tail_due and len(self.buffer) < TAIL else super().buffered

    def head_size(self) -> int:
        """At the front it is known whether the device's records have their tail."""
        data = self.buffer.data
        if data[0] not in b"$XY":
            return super().head_size()
        same = data[0] != 0x24 or data[1:SHORT_BASE] == self._whose
        return record_size(data, 0, tailed=self._tailed and same)

    def cut(self) -> bytes | None:
        """The next frame, or the tail of the record before it, with a zero in front."""
        data = self.buffer.data
        if self._tail_due:
            size = tail_size(data) if data else NEVER
            if size == NEVER:
                self._drop(len(data) if self._datagrams else 0)
                return None
            tail = bytes(data[:size])
            self._drop(size)
            self._tail_due = False
            if size == TAIL:
                self._padding = PADDING_MOST
                return b"\0" + tail
        while self._padding and data and not begins(data, 0):
            self._drop(1)
            self._padding -= 1
        frame = super().cut()
        if frame is not None:
            self._padding = 0
            self._tail_due = frame[0] != 0x2A and len(frame) == RECORD
            self._tailed = self._tailed and not self._tail_due
            if frame[0] == 0x24:
                self._whose = frame[1:SHORT_BASE]
        return frame

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: each names its device."""
        link = self.link
        if not frame[0]:
            late = records.late_tail(frame[1:]) if self.session.ident else None
            self._tailed = late is not None
            return () if late is None else late
        if frame[0] != 0x2A:
            return records.record(link, frame)
        fields = frame[1:-1].decode("ascii").split(",")
        link.maker, link.spoken = fields[0], fields[1]
        kind = fields[2] if len(fields) > 2 else ""
        handler = texts.HANDLERS.get(kind, texts.unknown)
        return after_login(self.session, link.name(fields[1]), lambda: handler(link, fields))


def probe(data: bytes) -> Match:
    """A text of a known kind; or a record that is dated and placed, with nothing behind it that
    could not be there.
    """
    if data[:1] != b"$":
        return probe_text(EVIDENCE, MARK, data)
    base = record_base(data, 0)
    if not base:
        return Match.NO
    size = RECORD if base == SHORT_BASE else LONG_RECORD
    if len(data) < size:
        return Match.MORE
    dated = data[base + 3] and data[base + 4]
    placed = any(data[base + 6 : base + 10])
    ends = (size, size + TAIL, size + TAIL + PADDING_MOST)
    ended = any(len(data) == end or (len(data) > end and begins(data, end)) for end in ends)
    return Match.YES if dated and placed and ended else Match.MORE


FAMILY = Family(
    name="h02",
    title="H02 (SinoTrack, LKGPS, CanTrack)",
    probe=probe,
    decoder=H02Decoder,
    heartbeat_s=300.0,  # HTBT comes every 3 to 5 minutes while the vehicle stands
)
