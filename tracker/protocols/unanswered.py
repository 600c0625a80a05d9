"""Commands that a device has not answered yet, found again by what its answer says.

A device that never answers must not fill memory: of too many the oldest is forgotten. Where answers
come in order, one that never comes must not give its place to the next one for ever: what is
`GIVEN_UP_S` old and has a newer one behind it is not waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from tracker.protocols.base import NOBODYS, Session

KindT = TypeVar("KindT")

UNANSWERED_MOST = 16  # as a rule: people send commands one by one
KINDS_MOST = 64  # with something unanswered: several times what a protocol has words for

# A device is given its next command when the one before has been answered or given up, which is
# after a minute unless set.
GIVEN_UP_S = 60.0


class _Asked(NamedTuple):
    reference: int
    time: float  # at which the device was last heard before it was asked


def _answered(asked: Iterable[_Asked], now: float) -> tuple[_Asked, list[_Asked]]:
    """The one of at least one that an answer is to, and those before it that nobody waits for."""
    given_up: list[_Asked] = []
    *older, newest = asked
    for one in older:
        if one.time > now - GIVEN_UP_S:
            return one, given_up
        given_up.append(one)
    return newest, given_up


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

    def whose(self, number: int, *, for_good: bool = True) -> int | None:
        """As `answered`, but NOBODYS for a number that is none of those that are waited for. None
        where nothing is waited for here: then it may be one of an earlier connection. Waited for
        still, where the answer is not `for_good`.
        """
        stranger = NOBODYS if self._references else None
        look = self._references.pop if for_good else self._references.get
        return look(number, stranger)

    def forget(self, reference: int) -> None:
        """The command with this reference has its answer, whatever its number was."""
        for number, asked in list(self._references.items()):
            if asked == reference:
                del self._references[number]


class InTurn(Generic[KindT]):
    """Commands whose answers state a kind and no number: they come in the order of the commands."""

    __slots__ = ("_asked", "_most", "_session")

    def __init__(self, session: Session, most: int = UNANSWERED_MOST) -> None:
        self._session = session
        self._most = most
        self._asked: dict[_Asked, KindT] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, kind: KindT, reference: int) -> None:
        """Remember a command whose answer is of this kind."""
        if len(self._asked) >= self._most:
            del self._asked[next(iter(self._asked))]
        self._asked[_Asked(reference, self._session.now)] = kind

    def answered(self, kind: KindT) -> int | None:
        """The reference of the oldest command of this kind, once; None if nothing was asked."""
        return self.matching(lambda asked: asked == kind)

    def matching(self, meant: Callable[[KindT], bool]) -> int | None:
        """The reference of the oldest command whose kind is `meant`, once."""
        found = [one for one, kind in self._asked.items() if meant(kind)]
        if not found:
            return None
        answered, given_up = _answered(found, self._session.now)
        for one in (*given_up, answered):
            del self._asked[one]
        return answered.reference


class ByKind(Generic[KindT]):
    """Commands whose answers state a kind and no number, as many of each kind as `most`: one kind
    that is never answered costs the others nothing.
    """

    __slots__ = ("_most", "_session", "_waiting")

    def __init__(self, session: Session, most: int = UNANSWERED_MOST) -> None:
        self._session = session
        self._most = most
        self._waiting: dict[KindT, deque[_Asked]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def ask(self, kind: KindT, reference: int) -> None:
        """Remember a command whose answer is of this kind."""
        waiting = self._waiting.get(kind)
        if waiting is None:
            if len(self._waiting) >= KINDS_MOST:
                del self._waiting[next(iter(self._waiting))]
            waiting = self._waiting[kind] = deque(maxlen=self._most)
        waiting.append(_Asked(reference, self._session.now))

    def awaits(self, kind: KindT) -> bool:
        """Whether an answer of this kind is one to a command."""
        return kind in self._waiting

    def answered(self, kind: KindT) -> int | None:
        """The reference of the oldest command of this kind, once; None if nothing was asked."""
        waiting = self._waiting.get(kind)
        if waiting is None:
            return None
        answered, given_up = _answered(waiting, self._session.now)
        for _ in (*given_up, answered):
            waiting.popleft()
        if not waiting:
            del self._waiting[kind]
        return answered.reference
