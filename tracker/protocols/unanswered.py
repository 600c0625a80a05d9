"""Commands that a device has not answered yet, found again by what its answer says.

A device that never answers must not fill memory: of too many the oldest is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

KindT = TypeVar("KindT")

UNANSWERED_MOST = 16  # as a rule: people send commands one by one
KINDS_MOST = 64  # with something unanswered: several times what a protocol has words for


class Numbered:
    """Commands under numbers of their own, which the answers repeat."""

    __slots__ = ("_most", "_references")

    def __init__(self, most: int = UNANSWERED_MOST) -> None:
        self._most = most
        self._references: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._references)

    def ask(self, number: int, reference: int) -> None:
        """Remember a command; one that had this number before is forgotten."""
        self._references.pop(number, None)
        if len(self._references) >= self._most:
            del self._references[next(iter(self._references))]
        self._references[number] = reference

    def answered(self, number: int) -> int | None:
        """The reference of the command with this number, once; None if nothing was asked."""
        return self._references.pop(number, None)

    def forget(self, reference: int) -> None:
        """The command with this reference has its answer, whatever its number was."""
        for number, asked in list(self._references.items()):
            if asked == reference:
                del self._references[number]


class InTurn(Generic[KindT]):
    """Commands whose answers state a kind and no number: they come in the order of the commands."""

    __slots__ = ("_asked",)

    def __init__(self, most: int = UNANSWERED_MOST) -> None:
        self._asked: deque[tuple[KindT, int]] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, kind: KindT, reference: int) -> None:
        """Remember a command whose answer is of this kind."""
        self._asked.append((kind, reference))

    def answered(self, kind: KindT) -> int | None:
        """The reference of the oldest command of this kind, once; None if nothing was asked."""
        return self.matching(lambda asked: asked == kind)

    def matching(self, meant: Callable[[KindT], bool]) -> int | None:
        """The reference of the oldest command whose kind is `meant`, once."""
        for place, (kind, reference) in enumerate(self._asked):
            if meant(kind):
                del self._asked[place]
                return reference
        return None


class ByKind(Generic[KindT]):
    """Commands whose answers state a kind and no number, as many of each kind as `most`: one kind
    that is never answered costs the others nothing.
    """

    __slots__ = ("_most", "_waiting")

    def __init__(self, most: int = UNANSWERED_MOST) -> None:
        self._most = most
        self._waiting: dict[KindT, deque[int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def ask(self, kind: KindT, reference: int) -> None:
        """Remember a command whose answer is of this kind."""
        waiting = self._waiting.get(kind)
        if waiting is None:
            if len(self._waiting) >= KINDS_MOST:
                del self._waiting[next(iter(self._waiting))]
            waiting = self._waiting[kind] = deque(maxlen=self._most)
        waiting.append(reference)

    def awaits(self, kind: KindT) -> bool:
        """Whether an answer of this kind is one to a command."""
        return kind in self._waiting

    def answered(self, kind: KindT) -> int | None:
        """The reference of the oldest command of this kind, once; None if nothing was asked."""
        waiting = self._waiting.get(kind)
        if waiting is None:
            return None
        reference = waiting.popleft()
        if not waiting:
            del self._waiting[kind]
        return reference
