"""Text protocols on a stream or in datagrams: their frames, and how a connection is recognised.

Text frames have a mark at their start and one at their end, and no length: `Framing.size` looks for
the end. What comes between frames (line ends, blanks, zeros) is passed over without a word. In
datagrams (option `udp`) a frame never goes on in the next one, and its end mark may be missing.
"""

from __future__ import annotations

import re
from typing import ClassVar

from tracker.protocols.base import PROBE_LIMIT, Match
from tracker.protocols.framing import MORE, NEVER, DatagramDecoder
from tracker.protocols.stream import FrameT, StreamDecoder

__all__ = ["MORE", "NEVER", "TextDecoder", "partial", "pass_over", "probe_text"]

SEPARATORS = b"\r\n\0\t "


def partial(*atoms: bytes) -> bytes:
    """A pattern that matches these atoms in order, or some of the first up to the end of the data.

    So a mark is found where it stands, and where it may still be coming.
    """
    pattern = b""
    for atom in reversed(atoms[1:]):
        pattern = b"(?:\\Z|" + atom + pattern + b")"
    return atoms[0] + pattern


def probe_text(evidence: re.Pattern[bytes], mark: re.Pattern[bytes], data: bytes) -> Match:
    """Whether these first bytes of a connection are this text protocol.

    `evidence` is searched for: it says itself where it may stand, at the very start or behind the
    end of another frame, so that a damaged first frame does not cost the connection. While there
    is none, the connection must begin with `mark` or a part of it, perhaps behind separators.
    """
    if evidence.search(data, 0, PROBE_LIMIT):
        return Match.YES
    begun = data.lstrip(SEPARATORS)
    return Match.MORE if not begun or mark.match(begun) else Match.NO


def pass_over(decoder: StreamDecoder[FrameT], separators: bytes) -> int:
    """Drop separators from the front of what was received; how many there were."""
    data = decoder.buffer.data
    if not data or data[0] not in separators:
        return 0
    count = len(data) - len(data.lstrip(separators))
    decoder.buffer.drop(count)
    return count


class TextDecoder(DatagramDecoder):
    """A DatagramDecoder whose frames are text."""

    separators: ClassVar[bytes] = SEPARATORS
    datagram_end: ClassVar[bytes] = b""  # the end mark, where devices leave it out in datagrams

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; one datagram at a time with option `udp`."""
        super().receive_data(data + self.datagram_end if self._datagrams else data)

    def cut(self) -> bytes | None:
        """The next right frame, None if incomplete; DecodeError for what had to be skipped."""
        if pass_over(self, self.separators):
            self._drop(0)  # what was known of the front is not true any more
        return super().cut()
