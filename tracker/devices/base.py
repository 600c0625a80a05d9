"""The contracts of a dialogue with a device: where messages go, what carries it, who asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from tracker.devices.polls import Poll
from tracker.ingest import Ingest
from tracker.journal import Journal
from tracker.model import NOTHING, Vehicle
from tracker.protocols.base import Reply
from tracker.registry import Registry


class Commands(Protocol):
    """Who has something to ask of devices: tracker.commands."""

    @property
    def waiting(self) -> Mapping[str, object]:
        """Vehicles of whose device something is asked, by id."""
        ...

    def heard(self, vehicle_id: str) -> None:
        """One of them has just said something."""
        ...

    def polled(self, poll: Poll) -> None:
        """One of them asks, and waits for its answer: fill it or release it, soon."""
        ...

    def replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:
        """Whether a reply belongs to anything that was asked."""
        ...


class NoCommands:
    """Nothing is ever asked."""

    waiting: Mapping[str, object] = NOTHING

    def heard(self, vehicle_id: str) -> None:
        """Nobody waits."""

    def polled(self, poll: Poll) -> None:
        """There is nothing for it."""
        poll.release()

    def replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:  # noqa: ARG002
        """It belongs to nothing."""
        return False


class Desk(Protocol):
    """Where messages go, and what is counted of them: the gateway."""

    registry: Registry
    ingest: Ingest
    journal: Journal
    commands: Commands
    stats: Counter[str]
    frames: Counter[str]  # by protocol
    decode_errors: Counter[tuple[str, str]]  # by protocol and kind


class Carrier(Protocol):
    """What a dialogue is held over."""

    @property
    def closing(self) -> bool:
        """Whether nothing can be said any more."""
        ...

    def write(self, answers: Sequence[bytes]) -> None:
        """Send these answers, in order."""
        ...

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:
        """The device has named itself; `before` is who spoke here until now."""
        ...

    def close(self, reason: str) -> None:
        """Say no more after what is written; the reason is counted."""
        ...
