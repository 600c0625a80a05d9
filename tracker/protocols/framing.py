"""Frames with a start mark, a length and a checksum: cutting, resynchronising, recognising.

The same `Framing` serves the decoder and the probe, so that a connection is recognised by exactly
the rules by which it will be read. What is done about damage:

- A wrong frame is skipped up to the next place where a frame may start, in one DecodeError.
- A damaged length can promise bytes that will never come. While a frame is incomplete, the bytes
  behind its mark are searched for a whole right frame; one found there proves the promise false.
- A frame whose rest does not come within `patience_s` is given up when other bytes do come.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.stream import StreamDecoder

Bytes = bytes | bytearray

MORE = 0  # a size: the header is not complete
NEVER = -1  # a size: no frame starts here

# Bytes that one DecodeError may stand for: bounds the work of one call on a hostile stream.
SKIP_LIMIT = 4096

# Places behind an incomplete frame, themselves incomplete, that are looked at with every read: a
# stream made of nothing but start marks must not cost more the longer it gets.
OPEN_STARTS_MOST = 8

# Without any start mark among so many bytes nothing of ours will come: even behind a damaged
# first frame of the usual size a second one would have begun.
MARK_LIMIT = 64

# Datagrams that may wait to be decoded; a listener takes the messages after each one.
DATAGRAMS_MOST = 256

# So many printable characters at the start are a text protocol: no binary frame of ours has them.
TEXT_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Framing:
    """How one protocol's frames are found in bytes.

    `start` matches wherever a frame may start, also on a mark cut off by the end of the bytes.
    `size(data, at)` is the length in bytes of the frame that would start there, MORE or NEVER.
    `fault(frame)` is "" for a right frame, else the kind of its DecodeError.
    `long_enough(data, at)` says of a frame too long for a probe whether its header alone is
    evidence; without it, only whole frames are.
    """

    start: re.Pattern[bytes]
    size: Callable[[Bytes, int], int]
    fault: Callable[[bytes], str]
    patience_s: float
    long_enough: Callable[[Bytes, int], bool] | None = None

    def next_start(self, data: Bytes, at: int) -> int:
        """Where the next frame may start, at or behind `at`; the end of the bytes if nowhere."""
        while found := self.start.search(data, at):
            at = found.start()
            if self.size(data, at) != NEVER:
                return at
            at += 1
        return len(data)

    def whole(self, data: Bytes, at: int) -> str | None:
        """The fault of the frame at `at`, "" for none; None if it is not complete."""
        size = self.size(data, at)
        if size == MORE or at + size > len(data):
            return None
        return self.fault(bytes(data[at : at + size])) if size > 0 else "garbage"


def is_text(data: bytes) -> bool:
    """Printable ASCII and line ends only."""
    return data.isascii() and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in data)


def probe(framing: Framing, data: bytes) -> Match:
    """Whether these first bytes of a connection are frames of this kind.

    YES is a whole right frame that starts anywhere within the limit, so that a damaged first
    frame does not cost the connection; or, where the protocol allows it, the header of one that
    is too long to wait for. MORE while a mark stands there, or might still come.
    """
    if len(data) >= TEXT_LIMIT and is_text(data[:TEXT_LIMIT]):
        return Match.NO
    marked = False
    at = framing.next_start(data, 0)
    while at < min(len(data), PROBE_LIMIT):
        marked = True
        if framing.whole(data, at) == "":
            return Match.YES
        beyond = at + framing.size(data, at) > PROBE_LIMIT
        if beyond and framing.long_enough is not None and framing.long_enough(data, at):
            return Match.YES
        at = framing.next_start(data, at + 1)
    return Match.MORE if marked or len(data) < MARK_LIMIT else Match.NO


class FramedDecoder(StreamDecoder[bytes]):
    """A StreamDecoder whose frames are cut by a Framing."""

    framing: Framing

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._synced = True  # nothing was skipped since the last right frame
        self._late = False  # the bytes that wait have waited longer than patience_s
        self._fed_time = session.now
        self._searched = 1  # how far the bytes behind an incomplete frame were searched

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut."""
        now = self.session.now
        if self.buffer.data and now - self._fed_time > self.framing.patience_s:
            self._late = True
        self._fed_time = now
        self.buffer.feed(data)

    def head_size(self) -> int:
        """The size of the frame at the front, MORE or NEVER."""
        data, framing = self.buffer.data, self.framing
        return framing.size(data, 0) if framing.start.match(data) else NEVER

    def cut(self) -> bytes | None:
        """The next right frame, None if incomplete; DecodeError for what had to be skipped."""
        data = self.buffer.data
        if not data:
            return None
        size = self.head_size()
        if size == NEVER:
            raise self._skip("garbage")
        if MORE < size <= len(data):
            frame = bytes(data[:size])
            fault = self.framing.fault(frame)
            if fault:
                raise self._skip(fault)
            self._drop(size)
            self._synced = True
            return frame
        if self._found_inside():
            raise self._skip("length")
        if self._late:
            raise self._skip("timeout")
        return None

    def _found_inside(self) -> bool:
        """Whether a whole right frame stands behind the incomplete one at the front."""
        data = self.buffer.data
        open_starts: list[int] = []
        at = self.framing.next_start(data, self._searched)
        while at < len(data) and len(open_starts) < OPEN_STARTS_MOST:
            fault = self.framing.whole(data, at)
            if fault == "":
                return True
            if fault is None:
                open_starts.append(at)
            at = self.framing.next_start(data, at + 1)
        self._searched = open_starts[0] if open_starts else at
        return False

    def _skip(self, kind: str) -> DecodeError:
        """Drop the front up to where a right or an incomplete frame starts; say what it was."""
        data = self.buffer.data
        at = self.framing.next_start(data, 1)
        while at < min(len(data), SKIP_LIMIT) and self.framing.whole(data, at):
            at = self.framing.next_start(data, at + 1)
        error = DecodeError(kind, f"{self.name}: {at} bytes skipped", bytes(data[:at]))
        self._drop(at)
        self._synced = False
        return error

    def _drop(self, count: int) -> None:
        self.buffer.drop(count)
        self._searched = 1
        self._late = False


class DatagramDecoder(FramedDecoder):
    """A FramedDecoder of devices that send datagrams as well (option `udp`), in which frames are
    whole: none goes on in the next one.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._datagrams = session.options.get("udp") is True

    def cut(self) -> bytes | None:
        """The next right frame, None if incomplete; DecodeError for what had to be skipped."""
        frame = super().cut()
        if frame is None and self._datagrams and self.buffer.data:
            raise self._skip("length")
        return frame


class PacketDecoder(FramedDecoder):
    """A FramedDecoder of devices whose datagrams (option `udp`) are of a form of their own: they
    never join the stream, each waits in `datagrams` to be cut whole.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.udp = session.options.get("udp") is True
        self.datagrams: deque[bytes] = deque(maxlen=DATAGRAMS_MOST)

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; with option `udp`, one datagram at a time."""
        if self.udp:
            self.datagrams.append(data)
        else:
            super().receive_data(data)
