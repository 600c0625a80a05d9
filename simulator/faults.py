"""Faults on request: what is done to positions and to bytes, how often, from which seed.

Faults of positions (late, silent) are decided before a frame exists; faults of bytes (cut, joined,
duplicated, damaged) are done to whole frames on their way to the socket by a `FaultyLine`.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, fields

from simulator.errors import UsageError

DEFAULT_RATE = 0.01  # where a fault is named without a rate

CUT_DELAY_S = (0.005, 0.5)  # between the two pieces of a frame: both sides of a server's read
JOINED_WAIT_S = 3.0  # the longest that a frame waits for the one that it is joined with
LATE_S = (3.0, 30.0)  # well beyond a tick, so that newer positions overtake
SILENT_S = (5.0, 40.0)
STALL_S = (5.0, 45.0)  # both sides of the 30 s after which a server closes
STALL_EVERY_S = (5.0, 20.0)


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How often each fault happens: per frame (cut, joined, duplicated, damaged), per position
    (late, silent), or as a share of the viewers (stalled_viewers)."""

    cut: float = 0.0
    joined: float = 0.0
    duplicated: float = 0.0
    late: float = 0.0
    damaged: float = 0.0
    silent: float = 0.0
    stalled_viewers: float = 0.0

    @property
    def of_devices(self) -> bool:
        """Whether any device will misbehave."""
        return any((self.of_bytes, self.late, self.silent))

    @property
    def of_bytes(self) -> bool:
        """Whether any bytes will be touched."""
        return any((self.cut, self.joined, self.duplicated, self.damaged))

    @property
    def delays(self) -> bool:
        """Whether a position may rightly be seen after its time, or never on the live map."""
        return any((self.joined, self.late, self.silent, self.damaged, self.cut))


NO_FAULTS = FaultRates()


def parse_faults(text: str) -> FaultRates:
    """Rates from `cut=0.01,late,stalled-viewers=0.1`. Raises UsageError."""
    known = {one.name.replace("_", "-"): one.name for one in fields(FaultRates)}
    rates: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        if name not in known:
            raise UsageError(f"unknown fault {name!r}: known are {', '.join(known)}")
        try:
            rate = float(value) if value else DEFAULT_RATE
        except ValueError:
            raise UsageError(f"fault {name}: {value!r} is no number") from None
        if not 0.0 <= rate <= 1.0:
            raise UsageError(f"fault {name}: {rate:g} does not lie within 0 to 1")
        rates[known[name]] = rate
    return FaultRates(**rates)


class PositionFaults:
    """Whether the next position of one device is late, or the device falls silent."""

    __slots__ = ("_rates", "_rng")

    def __init__(self, rates: FaultRates, rng: random.Random) -> None:
        self._rates = rates
        self._rng = rng

    def late_s(self) -> float:
        """Seconds for which the next position is held back; 0: it goes at once."""
        return self._rng.uniform(*LATE_S) if self._rng.random() < self._rates.late else 0.0

    def silent_s(self) -> float:
        """Seconds for which the device says nothing from now on; 0: it goes on."""
        return self._rng.uniform(*SILENT_S) if self._rng.random() < self._rates.silent else 0.0


class FaultyLine:
    """Takes whole frames and gives out what is to be written, when.

    Bytes keep their order, as TCP does: what follows the first piece of a cut frame waits for the
    second one.
    """

    __slots__ = ("_held", "_held_until", "_queue", "_rates", "_rng")

    def __init__(self, rates: FaultRates, rng: random.Random) -> None:
        self._rates = rates
        self._rng = rng
        self._queue: deque[tuple[float, bytes]] = deque()  # (not before, one write)
        self._held = b""
        self._held_until = 0.0

    def send(self, frame: bytes, now: float) -> str:
        """Take one frame. Returns the name of the fault that it suffers, or ""."""
        fault = self._fault()
        held, self._held = self._held, b""
        if fault == "joined":
            self._held = held + frame
            if not held:  # a chain of them waits no longer than its first frame may
                self._held_until = now + JOINED_WAIT_S
            return fault
        if fault == "damaged":
            frame = self._damaged(frame)
        data = held + frame
        if fault == "cut" and len(frame) > 1:
            at = len(held) + self._rng.randrange(1, len(frame))
            self._append(data[:at], now)
            self._append(data[at:], self._after(now) + self._rng.uniform(*CUT_DELAY_S))
        else:
            self._append(data, now)
        if fault == "duplicated":
            self._append(frame, now)
        return fault

    def due(self, now: float) -> list[bytes]:
        """The writes whose time has come, in order; each is one write to the socket."""
        if self._held and now >= self._held_until:
            self._append(self._held, now)
            self._held = b""
        writes = []
        while self._queue and self._queue[0][0] <= now:
            writes.append(self._queue.popleft()[1])
        return writes

    def clear(self) -> None:
        """The connection is gone, and with it what was on the way."""
        self._queue.clear()
        self._held = b""

    def next_due(self) -> float | None:
        """When `due` will have something again, or None."""
        if self._queue:
            return self._queue[0][0]
        return self._held_until if self._held else None

    def _fault(self) -> str:
        """One draw for the four, so that adding one does not shift the others' rates."""
        draw = self._rng.random()
        for name in ("cut", "joined", "duplicated", "damaged"):
            draw -= getattr(self._rates, name)
            if draw < 0.0:
                return name
        return ""

    def _damaged(self, frame: bytes) -> bytes:
        at = self._rng.randrange(len(frame))
        damaged = bytearray(frame)
        damaged[at] ^= self._rng.randrange(1, 256)
        return bytes(damaged)

    def _append(self, data: bytes, not_before: float) -> None:
        self._queue.append((self._after(not_before), data))

    def _after(self, time: float) -> float:
        """`time`, or the time of the last write in the queue where that is later."""
        return max(time, self._queue[-1][0]) if self._queue else time
