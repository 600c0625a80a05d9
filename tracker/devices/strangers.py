"""Who came to the devices' ports and was not understood: a few first bytes of each, for a person.

A bounded collection. Samples that begin alike are one entry with a count, so that a device which
comes again every half minute is one line and not a hundred; the entry that was seen longest ago
makes room. One address cannot fill it: of its entries only the newest few stay.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from tracker.protocols.base import PROBE_LIMIT
from tracker.protocols.detect import Guess, nearest

MOST = 100  # entries: more than a person reads, and 100 kB at most
MOST_OF_ADDRESS = 50  # so that a scanner leaves the others in sight
SAMPLE_BYTES = PROBE_LIMIT  # nothing behind them was looked at
# What entries are told apart by: the mark of every protocol here fits in, and the random part of a
# TLS ClientHello, at its 11th byte, does not.
PREFIX_BYTES = 8


class Why(enum.StrEnum):
    """Why somebody was not understood."""

    UNKNOWN = "unknown"  # no protocol here begins so
    UNDECIDED = "undecided"  # too little came to tell
    NOT_ALLOWED = "not_allowed"  # a protocol that the port is not for
    TLS_NOT_CONFIGURED = "tls_not_configured"
    TLS_FAILED = "tls_failed"  # no handshake came about
    BAD_FRAMES = "bad_frames"  # a protocol was recognised, and no frame of it was right
    UNFINISHED = "unfinished"  # a protocol was recognised, and no whole frame of it came


# What a reason to close says of somebody who was never understood; others follow from how far
# it came.
WHY = {
    "unknown_protocol": Why.UNKNOWN,
    "not_allowed": Why.NOT_ALLOWED,
    "tls_not_configured": Why.TLS_NOT_CONFIGURED,
    "tls_failed": Why.TLS_FAILED,
    "tls_timeout": Why.TLS_FAILED,
    "bad_frames": Why.BAD_FRAMES,
}


@dataclass(slots=True)
class Stranger:
    """One kind of first bytes. Times are Unix seconds; address and sample are of the newest."""

    why: Why
    transport: str  # tcp, tls (what was inside) or udp
    port: int  # of ours
    protocol: str  # that was recognised or forced; "" for none
    address: str
    sample: bytes
    first_time: float
    last_time: float
    count: int = 1
    guess: Guess = field(default_factory=lambda: Guess((), ""))


class Strangers:
    """All that is kept of them, the one seen longest ago first."""

    def __init__(self, most: int = MOST, most_of_address: int = MOST_OF_ADDRESS) -> None:
        self.most = most
        self.forgotten = 0  # entries that made room
        self._most_of_address = most_of_address
        self._kept: dict[tuple[str, int, str, bytes], Stranger] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Stranger]:
        return iter(self._kept.values())

    def meet(
        self,
        sample: bytes,
        why: Why,
        *,
        transport: str,
        address: str,
        port: int,
        now: float,
        protocol: str = "",
    ) -> bool:
        """Keep these first bytes; whether they are something new."""
        sample = bytes(sample[:SAMPLE_BYTES])
        key = transport, port, f"{why}/{protocol}", sample[:PREFIX_BYTES]
        known = self._kept.pop(key, None)
        if known is not None:
            known.count += 1
            known.last_time, known.address, known.sample = now, address, sample
            self._kept[key] = known
            return False
        self._make_room(address)
        self._kept[key] = Stranger(
            why, transport, port, protocol, address, sample, now, now, guess=nearest(sample)
        )
        return True

    def clear(self) -> int:
        """Forget all of them; how many there were."""
        count = len(self._kept)
        self._kept.clear()
        return count

    def _make_room(self, address: str) -> None:
        of_address = [key for key, one in self._kept.items() if one.address == address]
        if len(of_address) >= self._most_of_address:
            del self._kept[of_address[0]]
            self.forgotten += 1
        elif len(self._kept) >= self.most:
            del self._kept[next(iter(self._kept))]
            self.forgotten += 1
