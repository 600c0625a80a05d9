"""What most devices do alike on their end of a connection, whatever they speak.

A device knows who it is, numbers its frames of positions and collects what the server says until
that is whole. Nothing of this outlives a connection.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Frame, Memory

# Frames under way while a server answers no positions: the answer to a heartbeat stands for them.
UNLIMITED = 1 << 16
E6 = 1_000_000  # units of an angle in one degree


def stated_as(fix: Fix, speed_dkmh: int, course_ddeg: int, *, degree: int = E6) -> Stated:
    """Whole seconds, angles in units of which `degree` are one, and what is said of the motion."""
    lat, lon = (round(round(angle * degree) * E6 / degree) for angle in (fix.lat, fix.lon))
    return Stated(int(fix.fix_time) * 1000, lat, lon, speed_dkmh, course_ddeg)


class PlainTerminal(abc.ABC):
    """A `Terminal`: one position is under way at a time, and each is answered."""

    window: int = 1
    answered: bool = True

    def __init__(self, ident: str, memory: Memory) -> None:
        del memory  # nothing outlives a connection here
        self._ident = ident
        self._serial = 0
        self._last: Fix | None = None  # of the latest position, for those who ask for it

    @abc.abstractmethod
    def hello(self) -> bytes:
        """What to send first after connecting."""

    def heartbeat(self, fix: Fix | None) -> bytes:
        """As at first: there is no heartbeat of its own."""
        del fix
        return self.hello()

    @abc.abstractmethod
    def position(self, fix: Fix) -> Frame:
        """The frame of a fix that was just made."""

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A stored position looks like any other."""
        return self.position(fixes[0])

    @abc.abstractmethod
    def receive(self, data: bytes) -> list[Answer]:
        """What the server said, in any cut."""


class StreamTerminal(PlainTerminal):
    """A terminal that takes what the server says from the front of a buffer."""

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._buffer = b""

    def receive(self, data: bytes) -> list[Answer]:
        """What the server said, in any cut."""
        self._buffer += data
        answers: list[Answer] = []
        while self._buffer:
            found = self._next()
            if found is None:
                break
            answers += found
        return answers

    @abc.abstractmethod
    def _next(self) -> list[Answer] | None:
        """What is at the front of the buffer, and taken from it; None: more is needed."""

    def _take(self, count: int) -> bytes:
        """The first `count` bytes of the buffer, and out of it."""
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _skip(self, mark: bytes, why: str) -> list[Answer]:
        """Drop what is no beginning of a frame, up to where a `mark` may begin again."""
        at = self._buffer.find(mark[:1], 1)
        self._take(at if at > 0 else len(self._buffer))
        return [Answer(AnswerKind.DAMAGED, detail=why)]


class CountedTerminal(StreamTerminal):
    """A terminal whose server answers positions with how many it took, and heartbeats not at all:
    what counts as their answer is the next one to positions.
    """

    batch: ClassVar[int]  # positions that fit into a frame

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._records = 0  # positions in the frame under way; 0: none is

    def position(self, fix: Fix) -> Frame:
        """A frame of one position."""
        return self._numbered([fix])

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A frame of as many stored positions as fit."""
        return self._numbered(fixes[: self.batch])

    def _numbered(self, fixes: Sequence[Fix]) -> Frame:
        self._serial += 1
        self._records = len(fixes)
        return Frame(self._records_of(fixes), self._serial, len(fixes))

    @abc.abstractmethod
    def _records_of(self, fixes: Sequence[Fix]) -> bytes:
        """The frame of these positions."""

    def _counted(self, count: int) -> list[Answer]:
        """The server has taken so many."""
        wanted, self._records = self._records, 0
        if not wanted:
            return [Answer(AnswerKind.DAMAGED, detail=f"count {count} of nothing")]
        kind = AnswerKind.ACKNOWLEDGED if count == wanted else AnswerKind.REJECTED
        answer = Answer(kind, self._serial, detail=f"count {count}")
        return [answer, Answer(AnswerKind.BEAT)]


class LineTerminal(PlainTerminal):
    """A terminal whose server says lines, or what else ends in a mark."""

    end: ClassVar[bytes]
    line_most: ClassVar[int] = 4096  # bytes: without an end for longer, it is no server of ours

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._buffer = b""

    def receive(self, data: bytes) -> list[Answer]:
        """Lines, in any cut."""
        *lines, self._buffer = (self._buffer + data).split(self.end)
        if len(self._buffer) > self.line_most:
            self._buffer = b""
            return [Answer(AnswerKind.DAMAGED, detail="no end")]
        return [answer for line in lines for answer in self._line(line)]

    @abc.abstractmethod
    def _line(self, said: bytes) -> list[Answer]:
        """What a line without its end means."""
