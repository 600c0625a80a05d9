"""One simulated tracker, without its socket: what it sends, what it keeps, when it gives up.

A position stays in the device's memory until the server has acknowledged it. What was taken or was
under way while there was no connection goes out after the next login, flagged as stored. Time is
an argument; every method returns the frames to write now.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from simulator.model import Fix
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory, Terminal

MEMORY_FIXES = (
    5_000  # as a common tracker's flash: an hour and more at 1 Hz; the oldest is forgotten
)
LOGIN_TIMEOUT_S = 10.0  # twice what GT06 devices wait for the answer to a login
ANSWER_TIMEOUT_S = 10.0  # then what is unanswered is sent again
MOST_IN_FRAME = 32  # more than any protocol's batch takes
ATTEMPTS = 3  # unanswered so many times in a row, the device connects anew


@dataclass(frozen=True, slots=True)
class Kept:
    """A fix in the device's memory. `prompt`: it should be on the live map at once."""

    fix: Fix
    prompt: bool


class Observer(Protocol):
    """Who wants to know what one device did. `number` is the vehicle's."""

    def sent(self, number: int, kept: Kept, now: float, *, stored: bool) -> None:
        """A position was written; `stored`: with the flag, or again."""
        ...

    def acknowledged(self, number: int, fixes: tuple[Kept, ...]) -> None:
        """The server has these for good."""
        ...

    def unconfirmed(self, number: int, fixes: tuple[Kept, ...]) -> None:
        """These were written in a protocol that has no answers: what became of them is unknown."""
        ...

    def answered(self, number: int, answer: Answer) -> None:
        """Any other answer: accepted, refused, rejected, damaged, a command."""
        ...

    def forgotten(self, number: int, fixes: int) -> None:
        """The memory was full: the oldest fixes are gone."""
        ...


@dataclass(frozen=True, slots=True)
class Flight:
    """Positions under way in one frame."""

    sent_time: float
    fixes: tuple[Kept, ...]


class Device:
    """One tracker. `closing` becomes true when it wants its connection closed."""

    __slots__ = (
        "_backlog",
        "_beat_time",
        "_beat_unanswered",
        "_connected_time",
        "_family",
        "_flights",
        "_fresh",
        "_heartbeat_s",
        "_ident",
        "_last",
        "_memory",
        "_memory_fixes",
        "_observer",
        "_paused",
        "_silent_until",
        "_terminal",
        "_unanswered",
        "accepted",
        "closing",
        "number",
    )

    def __init__(
        self,
        number: int,
        ident: str,
        family: Family,
        observer: Observer,
        *,
        heartbeat_s: float | None = None,
        memory_fixes: int = MEMORY_FIXES,
    ) -> None:
        self.number = number
        self.accepted = False
        self.closing = False
        self._ident = ident
        self._family = family
        self._observer = observer
        self._heartbeat_s = heartbeat_s or family.heartbeat_s
        self._memory_fixes = memory_fixes
        self._memory: Memory = {}
        self._terminal: Terminal | None = None
        self._fresh: deque[Kept] = deque()
        self._backlog: deque[Kept] = deque()
        self._flights: dict[int, Flight] = {}
        self._last: Fix | None = None
        self._connected_time = 0.0
        self._beat_time = 0.0
        self._beat_unanswered = False
        self._unanswered = 0
        self._paused = False
        self._silent_until = 0.0

    @property
    def kept(self) -> int:
        """How many positions the server has not acknowledged yet."""
        under_way = sum(len(flight.fixes) for flight in self._flights.values())
        return len(self._fresh) + len(self._backlog) + under_way

    def connected(self, now: float) -> list[bytes]:
        """A connection is there: the login."""
        self._terminal = self._family.terminal(self._ident, self._memory)
        self.closing = False
        self._connected_time = now
        hello = self._terminal.hello()
        frames = [hello] if hello else []
        if self._family.one_way:  # nobody says welcome, so nothing waits for it
            self.accepted = True
            self._beat_time = now
            frames += self._pump(now)
        return frames

    def disconnected(self) -> None:
        """The connection is gone: all that is unacknowledged becomes backlog."""
        self._terminal = None
        self.accepted = False
        self._paused = False
        self._recall(self._flights)
        self._backlog.extend(self._fresh)
        self._fresh.clear()

    def take(self, fix: Fix, now: float, *, prompt: bool = True) -> list[bytes]:
        """A new fix of the receiver."""
        self._last = fix
        if self.accepted and now >= self._silent_until:
            self._fresh.append(Kept(fix, prompt))
        else:
            self._backlog.append(Kept(fix, prompt=False))
        if len(self._fresh) + len(self._backlog) > self._memory_fixes:
            (self._backlog or self._fresh).popleft()
            self._observer.forgotten(self.number, 1)
        return self._pump(now)

    def silence(self, until: float) -> None:
        """Say nothing until then: no position, no heartbeat, no answer."""
        self._silent_until = until

    def paused(self, *, paused: bool, now: float) -> list[bytes]:
        """The socket takes no more data, or takes it again."""
        self._paused = paused
        return self._pump(now)

    def beat(self, now: float) -> list[bytes]:
        """A heartbeat at once, whatever the period says."""
        if self._terminal is None or not self.accepted:
            return []
        self._beat_time = now
        self._beat_unanswered = not self._family.one_way
        beat = self._terminal.heartbeat(self._last)
        return [beat] if beat else []

    def received(self, data: bytes, now: float) -> list[bytes]:
        """Bytes from the server."""
        if self._terminal is None:
            return []
        writes: list[bytes] = []
        for answer in self._terminal.receive(data):
            if answer.kind is AnswerKind.ACKNOWLEDGED:
                self._acknowledge(answer.serial)
            else:
                self._hear(answer, now)
                if answer.reply and now >= self._silent_until:
                    writes.append(answer.reply)
        return writes + self._pump(now)

    def poll(self, now: float) -> list[bytes]:
        """To be called about once a second: heartbeats, timeouts, the end of a silence."""
        if self._terminal is None or now < self._silent_until:
            return []
        if not self.accepted:
            self.closing = now - self._connected_time > LOGIN_TIMEOUT_S
            return []
        self._check_answers(now)
        if now - self._beat_time >= self._heartbeat_s and not self.closing:
            self.closing = self._beat_unanswered  # a whole period without an answer to the last
            return self._pump(now) + self.beat(now)
        return self._pump(now)

    def _hear(self, answer: Answer, now: float) -> None:
        if answer.kind is AnswerKind.ACCEPTED:
            self.accepted = True
            self._beat_time = now
            self._beat_unanswered = False
            self._unanswered = 0
        elif answer.kind is AnswerKind.REFUSED:
            self.closing = True
        elif answer.kind is AnswerKind.BEAT:
            self._beat_unanswered = False
        elif answer.kind is AnswerKind.LOCATE and self._last is not None:
            self._fresh.append(Kept(self._last, prompt=False))
        if answer.kind is not AnswerKind.BEAT:
            self._observer.answered(self.number, answer)

    def _acknowledge(self, serial: int) -> None:
        flight = self._flights.pop(serial, None)
        if flight is not None:
            self._unanswered = 0
            self._observer.acknowledged(self.number, flight.fixes)

    def _check_answers(self, now: float) -> None:
        """Take back what has waited too long for its answer, to send it again as stored."""
        if self._terminal is None or not self._terminal.answered:
            return
        overdue: dict[int, Flight] = {}
        for serial, flight in self._flights.items():
            if now - flight.sent_time <= ANSWER_TIMEOUT_S:
                break  # the rest was sent later
            overdue[serial] = flight
        if overdue:
            for serial in overdue:
                del self._flights[serial]
            self._recall(overdue)
            self._unanswered += 1
            self.closing = self._unanswered >= ATTEMPTS

    def _recall(self, flights: dict[int, Flight]) -> None:
        """Positions under way go back to the front of the backlog, in their order."""
        recalled = [Kept(kept.fix, prompt=False) for one in flights.values() for kept in one.fixes]
        self._backlog.extendleft(reversed(recalled))
        flights.clear()

    def _pump(self, now: float) -> list[bytes]:
        """Frames of what waits, as far as the window allows: fresh ones first, then the backlog."""
        terminal = self._terminal
        if terminal is None or not self.accepted or self._paused or now < self._silent_until:
            return []
        writes: list[bytes] = []
        taken: tuple[Kept, ...]
        while (self._fresh or self._backlog) and len(self._flights) < terminal.window:
            if self._fresh:
                kept = self._fresh.popleft()
                frame, taken = terminal.position(kept.fix), (kept,)
                self._observer.sent(self.number, kept, now, stored=False)
            else:
                frame, taken = self._stored_frame(terminal, now)
            if self._family.one_way:
                self._observer.unconfirmed(self.number, taken)
            else:
                self._flights[frame.serial] = Flight(now, taken)
            writes.append(frame.data)
        return writes

    def _stored_frame(self, terminal: Terminal, now: float) -> tuple[Frame, tuple[Kept, ...]]:
        """A frame of the oldest fixes of the backlog, which leave it."""
        offered = [kept.fix for kept in islice(self._backlog, MOST_IN_FRAME)]
        frame = terminal.backlog(offered)
        taken = tuple(self._backlog.popleft() for _ in range(frame.fixes))
        for kept in taken:
            self._observer.sent(self.number, kept, now, stored=True)
        return frame, taken
