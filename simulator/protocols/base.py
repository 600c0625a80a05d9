"""The contract of a device protocol, seen from the device.

A terminal is the device's end of one connection, without a socket and without a clock: it makes
frames out of fixes and answers out of bytes. To add a protocol, write one module with a terminal
and a `FAMILY`, and name that in the registry (`simulator.protocols`). What most terminals do alike
is in `terminal`, `texts` and `vouching`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulator.model import Fix, Stated

Memory = dict[str, str]  # what a device keeps between connections, such as an auth code


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame for the server, with `fixes` positions in it; `serial` names it in acks."""

    data: bytes
    serial: int
    fixes: int = 0


class AnswerKind(enum.Enum):
    """What the server's answer means to the device."""

    NEXT = "next"  # the login goes on: send `reply`
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ACKNOWLEDGED = "acknowledged"  # the frame `serial` has arrived for good
    REJECTED = "rejected"  # the frame `serial` was understood and not taken
    BEAT = "beat"  # a heartbeat was answered
    COMMAND = "command"  # the server asks for something; `reply` is our answer
    LOCATE = "locate"  # a command as above, and the latest position is wanted again
    DAMAGED = "damaged"  # bytes that are no frame


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing the server said."""

    kind: AnswerKind
    serial: int = -1
    reply: bytes = b""
    detail: str = ""


class Terminal(Protocol):
    """The device's end of one connection, sans-I/O."""

    @property
    def window(self) -> int:
        """How many position frames may be unanswered at once; 1 where acks carry no number."""
        ...

    @property
    def answered(self) -> bool:
        """Whether the server owes an answer to each position frame, as far as is known."""
        ...

    def hello(self) -> bytes:
        """What to send first after connecting."""
        ...

    def position(self, fix: Fix) -> Frame:
        """The frame of a fix that was just made."""
        ...

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A frame of stored fixes: as many of the first ones as fit (`Frame.fixes`)."""
        ...

    def heartbeat(self, fix: Fix | None) -> bytes:
        """A heartbeat; `fix` is the latest one, for protocols that state the ignition in it."""
        ...

    def receive(self, data: bytes) -> list[Answer]:
        """What the server said, in any cut. Never raises: bad bytes are `DAMAGED` answers."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """One protocol in the registry.

    `one_way`: servers answer nothing, not even a login. A device takes itself for accepted once it
    is connected, forgets a position once it is written, and never learns whether it arrived.
    """

    name: str
    title: str
    ident: Callable[[int], str]  # vehicle number -> identity
    terminal: Callable[[str, Memory], Terminal]
    stated: Callable[[Fix], Stated]
    heartbeat_s: float = 30.0
    one_way: bool = False
