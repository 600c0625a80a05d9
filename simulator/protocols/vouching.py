"""Positions that servers do not answer, or need not: the answer to a heartbeat vouches for them.

A server reads one connection in order, so by then it has read all that was sent before.
"""

from __future__ import annotations

from collections import deque

from simulator.protocols.base import Answer, AnswerKind, Memory
from simulator.protocols.terminal import UNLIMITED, PlainTerminal

WINDOW = 64  # frames under way once the server is known to answer them


class Vouched:
    """Frames that get no answer, and the heartbeats that vouch for what was sent before them."""

    def __init__(self) -> None:
        self._serial = 0
        self._sent: deque[int] = deque()  # serials of positions; 0 for a heartbeat

    def position(self) -> int:
        """The serial of the next position."""
        self._serial += 1
        self._sent.append(self._serial)
        return self._serial

    def beat(self) -> None:
        """A heartbeat goes out."""
        self._sent.append(0)

    def answered(self) -> list[Answer]:
        """A heartbeat was answered: so were the positions that were sent before it."""
        if 0 not in self._sent:
            return []
        before: list[Answer] = []
        while serial := self._sent.popleft():
            before.append(Answer(AnswerKind.ACKNOWLEDGED, serial))
        return before


class VouchingTerminal(PlainTerminal):
    """A terminal whose server need not answer positions, and whose frames all have a number.

    Until the server has answered one position, heartbeats vouch.
    """

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._unanswered: list[int] = []  # serials in order; unused once positions are answered
        self.answered, self.window = False, UNLIMITED

    def _next_serial(self) -> int:
        self._serial = self._serial % 0xFFFF + 1
        if not self.answered:
            self._unanswered.append(self._serial)
        return self._serial

    def _acknowledged(self, serial: int) -> Answer:
        """The answer to a position: from now on they are waited for."""
        self.answered, self.window = True, WINDOW
        self._unanswered.clear()
        return Answer(AnswerKind.ACKNOWLEDGED, serial)

    def _vouched_for(self, serial: int) -> list[Answer]:
        """Acknowledgements of what was sent before an answered heartbeat."""
        if serial not in self._unanswered:
            return []
        end = self._unanswered.index(serial)
        before = self._unanswered[:end]
        del self._unanswered[: end + 1]
        return [Answer(AnswerKind.ACKNOWLEDGED, one) for one in before]
