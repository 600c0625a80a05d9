"""The contract of what leads to a device, whatever carries the command there."""

from __future__ import annotations

from typing import Protocol

from tracker.model import Command


class Way(Protocol):
    """To a device that can be reached now."""

    named_at: float  # Unix time; 0 where a new connection says nothing of what has arrived
    settled: bool  # it has said more than its name

    @property
    def number(self) -> int:
        """Of its connection, new with each."""
        ...

    def serves(self, vehicle_id: str) -> bool:
        """Whether it still leads to this device."""
        ...

    def deaf(self, command: Command) -> str:
        """Why the device would not take a command now, though it may later; "" where it does."""
        ...

    def encode(self, command: Command) -> bytes:
        """The frame of a command. Raises CommandError."""
        ...

    def send(self, frame: bytes) -> None:
        """Write a frame behind all that is to be written before it."""
        ...


class Poll(Way, Protocol):
    """A way that is there for one answer to a device that asks, and held back for us."""

    vehicle_id: str

    def release(self) -> None:
        """Let the answer go, with what was put into it."""
        ...
