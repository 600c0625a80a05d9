"""Commands without an answer: found again once, bounded, and not mixed up."""

from __future__ import annotations

from tracker.protocols.base import Session
from tracker.protocols.unanswered import KINDS_MOST, UNANSWERED_MOST, ByKind, InTurn, Numbered


def test_a_number_is_answered_once() -> None:
    asked = Numbered()
    asked.ask(7, 4711)
    assert asked.answered(8) is None
    assert asked.answered(7) == 4711
    assert asked.answered(7) is None


def test_a_number_that_is_used_again_means_the_later_command() -> None:
    asked = Numbered(2)
    for number, reference in ((1, 10), (2, 20), (1, 11)):
        asked.ask(number, reference)
    assert len(asked) == 2
    assert asked.answered(2) == 20
    assert asked.answered(1) == 11


def test_numbered_commands_are_bounded_and_the_oldest_are_forgotten() -> None:
    asked = Numbered()
    for number in range(3 * UNANSWERED_MOST):
        asked.ask(number, number + 100)
    assert len(asked) == UNANSWERED_MOST
    assert asked.answered(2 * UNANSWERED_MOST - 1) is None
    assert asked.answered(2 * UNANSWERED_MOST) == 2 * UNANSWERED_MOST + 100


def test_a_command_is_forgotten_by_its_reference() -> None:
    asked = Numbered()
    for number, reference in ((1, 10), (2, 20), (3, 10)):
        asked.ask(number, reference)
    asked.forget(10)
    assert [asked.answered(number) for number in (1, 2, 3)] == [None, 20, None]


def test_the_oldest_command_of_a_kind_is_meant() -> None:
    asked: InTurn[str] = InTurn(Session())
    for kind, reference in (("a", 1), ("b", 2), ("a", 3)):
        asked.ask(kind, reference)
    assert asked.answered("a") == 1
    assert asked.matching(lambda kind: kind in "ab") == 2
    assert asked.answered("a") == 3
    assert asked.answered("a") is None
    assert len(asked) == 0


def test_commands_in_turn_are_bounded_and_the_oldest_are_forgotten() -> None:
    asked: InTurn[None] = InTurn(Session())
    for reference in range(3 * UNANSWERED_MOST):
        asked.ask(None, reference)
    assert len(asked) == UNANSWERED_MOST
    assert asked.answered(None) == 2 * UNANSWERED_MOST


def test_of_each_kind_the_oldest_is_answered_first() -> None:
    asked = ByKind[str](Session())
    for reference, kind in enumerate(["A", "B", "A"], start=1):
        asked.ask(kind, reference)
    assert (asked.awaits("A"), asked.awaits("B"), asked.awaits("C")) == (True, True, False)
    assert [asked.answered(kind) for kind in "ABABC"] == [1, 2, 3, None, None]
    assert not asked.awaits("A")
    assert len(asked) == 0


def test_one_kind_that_is_never_answered_costs_the_others_nothing() -> None:
    asked = ByKind[str](Session())
    asked.ask("B", 1)
    for reference in range(2, 2 * UNANSWERED_MOST + 2):
        asked.ask("A", reference)
    assert len(asked) == UNANSWERED_MOST + 1
    assert asked.answered("A") == UNANSWERED_MOST + 2
    assert asked.answered("B") == 1


def test_kinds_are_bounded_too() -> None:
    asked = ByKind[int](Session())
    for kind in range(2 * KINDS_MOST):
        asked.ask(kind, kind)
    assert len(asked) == KINDS_MOST
    assert asked.answered(KINDS_MOST - 1) is None
    assert asked.answered(KINDS_MOST) == KINDS_MOST
