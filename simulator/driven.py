"""What the devices of a run did, counted; passes on each position to whoever compares."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from simulator.device import Kept
from simulator.histogram import Histogram
from simulator.model import Fix
from simulator.protocols.base import Answer, AnswerKind


class Witness(Protocol):
    """Who compares what was sent with what is seen."""

    def sent(self, number: int, fix: Fix, now: float, *, prompt: bool) -> None:
        """A position was written for the first time."""
        ...

    def acknowledged(self, number: int, fix: Fix) -> None:
        """The server has it for good."""
        ...


@dataclass(slots=True)
class Driven:
    """Counters of all devices; the observer of each."""

    witness: Witness | None = None
    positions: int = 0
    stored: int = 0
    acknowledged_positions: int = 0
    unconfirmed_positions: int = 0  # written in protocols that have no answers
    forgotten_positions: int = 0
    bytes_sent: int = 0
    connects: int = 0
    disconnects: int = 0
    failed_connects: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lateness_ms: Histogram = field(default_factory=Histogram)  # of our own sends, against the plan

    def sent(self, number: int, kept: Kept, now: float, *, stored: bool) -> None:
        """A position was written."""
        if stored:
            self.stored += 1
        else:
            self.positions += 1
        if self.witness is not None:
            self.witness.sent(number, kept.fix, now, prompt=kept.prompt and not stored)

    def acknowledged(self, number: int, fixes: tuple[Kept, ...]) -> None:
        """The server has these for good."""
        self.acknowledged_positions += len(fixes)
        if self.witness is not None:
            for kept in fixes:
                self.witness.acknowledged(number, kept.fix)

    def unconfirmed(self, number: int, fixes: tuple[Kept, ...]) -> None:
        """Nobody will ever say whether these arrived."""
        del number
        self.unconfirmed_positions += len(fixes)

    def answered(self, number: int, answer: Answer) -> None:
        """Count what else the server said."""
        del number
        if answer.kind is not AnswerKind.NEXT:
            self.answers[answer.kind.value] += 1

    def forgotten(self, number: int, fixes: int) -> None:
        """Devices whose memory was full."""
        del number
        self.forgotten_positions += fixes
