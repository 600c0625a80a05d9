"""The way to a device that asks and cannot be called: one answer, for as long as it is held back.

Its answer has been composed, and everything before it is said and stored. Now whoever has commands
for the device puts one into it (`send`) or lets it go as it is (`release`); then it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from tracker.model import Command
from tracker.protocols.base import Room

# Of connections, polls and whatever else commands leave by: no two have the same.
NUMBERS = count(1)


class Poll:
    """One answer that is held back. A `Way`, see tracker.commands.base."""

    __slots__ = ("_gone", "_on_closed", "_room", "answer", "closed", "number", "vehicle_id")

    # No login: a new request says nothing of whether what an older answer carried has arrived.
    named_at = 0.0
    settled = True

    def __init__(
        self, vehicle_id: str, answer: bytes, room: Room, gone: Callable[[], bool]
    ) -> None:
        self.vehicle_id = vehicle_id
        self.answer = answer  # what will be written
        self.closed = False  # nothing can be put into it any more
        self.number = next(NUMBERS)
        self._room = room
        self._gone = gone
        self._on_closed: Callable[[], None] | None = None

    def when_closed(self, call: Callable[[], None]) -> None:
        """What to do when it is closed, which it is not yet."""
        self._on_closed = call

    def serves(self, vehicle_id: str) -> bool:
        """Whether a command for this device can still ride in it."""
        return not self.closed and vehicle_id == self.vehicle_id and not self._gone()

    def deaf(self, command: Command) -> str:
        """Why the device would not take a command from this answer; "" where it does."""
        return self._room.deaf(command)

    def encode(self, command: Command) -> bytes:
        """What carries a command in this answer. Raises CommandError."""
        return self._room.encode(command)

    def send(self, frame: bytes) -> None:
        """Let the answer go with a command in it."""
        self.answer = self._room.filled(frame)
        self.release()

    def release(self) -> None:
        """Let the answer go as it is."""
        if not self.closed:
            self.closed = True
            if self._on_closed is not None:
                self._on_closed()
