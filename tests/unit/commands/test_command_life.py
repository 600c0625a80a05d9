"""The life of a command: every legal path, no two ends, and the same end on all nodes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.commands import life
from tracker.commands.life import Due, Times, begun, due, merge, standing, step
from tracker.model import CommandKind, CommandRecord, CommandState

T0 = 1_760_000_000.0
Q, H, S = CommandState.QUEUED, CommandState.HELD, CommandState.SENT
A, F = CommandState.ANSWERED, CommandState.FAILED
X, C = CommandState.EXPIRED, CommandState.CANCELLED
TIMES = Times(answer_s=60, takeover_s=30)


def command(kind: CommandKind = CommandKind.LOCATE, **more: Any) -> CommandRecord:
    fields = {"parameters": {}, "created_time": T0, "expires_time": T0 + 600, "node": "a"} | more
    return begun(CommandRecord("c", "v", kind, **fields))


def walk(*states: CommandState, node: str = "a", **more: Any) -> CommandRecord:
    """A command that went this way, a second a step."""
    record = command(**more)
    for number, state in enumerate(states, start=1):
        record = step(record, state, T0 + number, node, reference=number if state is S else None)
    return record


LEGAL = {
    (Q, H), (Q, S), (Q, F), (Q, X), (Q, C),
    (H, S), (H, F), (H, X), (H, C),
    (S, Q), (S, A), (S, F), (S, X),
}  # fmt: skip
WAYS = {Q: (), H: (H,), S: (S,), A: (S, A), F: (S, F), X: (X,), C: (C,)}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(CommandState, CommandState)))
def test_what_may_follow_what(before: CommandState, after: CommandState) -> None:
    record = walk(*WAYS[before])
    assert standing(record).state is before
    if (before, after) in LEGAL:
        assert standing(step(record, after, T0 + 9, "a")).state is after
    else:
        with pytest.raises(ValueError, match="cannot follow"):
            step(record, after, T0 + 9, "a")


def test_what_was_sent_can_be_answered_late_and_not_be_taken_back() -> None:
    waiting = walk(S, Q)
    assert standing(step(waiting, A, T0 + 9, "a")).state is A
    assert standing(step(waiting, F, T0 + 9, "a")).state is F
    with pytest.raises(ValueError, match="cannot follow"):
        step(waiting, C, T0 + 9, "a")


def test_what_a_command_says_of_itself() -> None:
    record = step(walk(S, Q, S), A, T0 + 9, "b", reply="OK!", detail="late")
    so_far = standing(record)
    assert (so_far.state, so_far.open, so_far.waiting) == (A, False, False)
    assert (so_far.attempts, so_far.references) == (2, (1, 3))
    assert (so_far.sent_time, so_far.ended_time) == (T0 + 3, T0 + 9)
    assert (so_far.reply, so_far.last.detail, so_far.last.node) == ("OK!", "late", "b")
    assert [one.id for one in record.transitions] == ["c.0.a", "c.1.a", "c.2.a", "c.3.a", "c.4.b"]


def test_a_clock_that_is_set_back_does_not_turn_a_life_around() -> None:
    record = step(walk(S), A, T0 - 500, "a")
    assert [one.time for one in record.transitions] == [T0, T0 + 1, T0 + 1]


def test_words_are_bounded_and_can_be_stored() -> None:
    record = step(walk(S), A, T0 + 9, "a", reply="a\x00b\ud800" + "x" * 5_000)
    reply = standing(record).reply
    assert reply is not None
    assert reply.startswith("a\ufffdb?x")
    assert len(reply) == life.WORDS_MOST
    reply.encode()


# -- time ------------------------------------------------------------------------------------------


def asked(
    record: CommandRecord, now: float, node: str = "a", *, silent: bool = False
) -> Due | None:
    return due(record, standing(record), now, node, TIMES, silent=silent)


@pytest.mark.parametrize("kind", CommandKind)
def test_without_a_reply_it_is_asked_again_where_that_does_no_harm(kind: CommandKind) -> None:
    sent = walk(S, kind=kind)
    assert asked(sent, T0 + 60.9) is None
    found = asked(sent, T0 + 61)
    assert found is not None
    repeatable = kind in (
        CommandKind.LOCATE, CommandKind.INTERVAL, CommandKind.ENGINE_CUT, CommandKind.ENGINE_RESTORE
    )  # fmt: skip
    assert found.state is (Q if repeatable else X)
    assert found.detail == "no reply within 60 s"
    assert asked(walk(S, kind=kind), T0 + 61, silent=True) == Due(
        X, "no reply: devices of this protocol do not reply to this command"
    )


def test_after_three_attempts_it_is_given_up() -> None:
    assert asked(walk(S, Q, S), T0 + 63) == Due(Q, "no reply within 60 s")
    assert asked(walk(S, Q, S, Q, S), T0 + 65) == Due(X, "no reply within 60 s, sent 3 times")


def test_what_is_not_sent_in_time_expires() -> None:
    assert asked(command(), T0 + 599) is None
    assert asked(command(), T0 + 600) == Due(X, "not sent in time: the device was away")
    held = step(command(), H, T0, "a", detail="55 km/h")
    assert asked(held, T0 + 600) == Due(X, "not sent in time: 55 km/h")
    found = asked(walk(S, Q), T0 + 600)
    assert found == Due(X, "no reply, and no connection to send it again")
    assert asked(walk(S), T0 + 700) == Due(X, "no reply within 60 s")  # too late to repeat it


def test_another_node_waits_a_while_for_the_one_whose_duty_it_is() -> None:
    assert asked(command(), T0 + 629, "b") is None
    assert asked(command(), T0 + 630, "b") is not None
    assert asked(walk(S), T0 + 90, "b") is None
    assert asked(walk(S), T0 + 91, "b") is not None


@pytest.mark.parametrize("end", life.ENDS)
def test_nothing_is_due_of_what_has_ended(end: CommandState) -> None:
    assert asked(walk(*WAYS[end]), T0 + 1e6) is None


# -- two tellings ----------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.sampled_from(CommandState), st.sampled_from("ab")), max_size=8)


def wander(record: CommandRecord, steps: list[tuple[CommandState, str]]) -> CommandRecord:
    """Take those of the steps that are legal; no more than one end."""
    for number, (state, node) in enumerate(steps):
        before = standing(record)
        try:
            record = step(record, state, T0 + number, node)
        except ValueError:
            assert not life.may_follow(before, state)
        ends = [one for one in record.transitions if one.state in life.ENDS]
        assert len(ends) <= 1
        assert standing(record).open is not bool(ends)
    return record


@given(steps=STEPS)
def test_a_life_has_one_end_at_most(steps: list[tuple[CommandState, str]]) -> None:
    record = wander(command(), steps)
    assert [one.step for one in record.transitions] == list(range(len(record.transitions)))
    states = [None, *(one.state for one in record.transitions)]
    for before, after in itertools.pairwise(states):
        late = after in (A, F) and S in states[: states.index(after)]
        assert (before, after) in LEGAL or before is None or late


@given(common=STEPS, here=STEPS, there=STEPS, third=STEPS)
def test_all_nodes_come_to_the_same_end(common: Any, here: Any, there: Any, third: Any) -> None:
    """Merging knows no order, no direction, and nothing twice."""
    start = wander(command(), common)
    a, b, c = (
        wander(start, [(state, node) for state, _ in steps])
        for node, steps in (("a", here), ("b", there), ("c", third))
    )
    assert merge(a, a) is a
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    merged = merge(a, b)
    known = {one.id for one in merged.transitions}
    assert known == {one.id for one in (*a.transitions, *b.transitions)}
    assert life.news(a, merged) == tuple(
        one for one in merged.transitions if one not in a.transitions
    )
    if not standing(a).open or not standing(b).open:
        assert not standing(merged).open


@pytest.mark.parametrize(("here", "there"), list(itertools.combinations(life.ENDS, 2)))
def test_of_two_ends_the_devices_word_holds(here: CommandState, there: CommandState) -> None:
    """`ENDS` is in the order of who is believed."""
    one, other = walk(*WAYS[here], node="a"), walk(*WAYS[there], node="b")
    assert standing(merge(one, other)).state is here
    assert standing(merge(other, one)).state is here


def test_the_same_key_on_two_nodes_is_one_command() -> None:
    early = command(node="b")
    late = begun(replace(command(created_time=T0 + 1, expires_time=T0 + 601), node="a"))
    assert merge(late, early) == merge(early, late)
    merged = merge(late, early)
    assert (merged.node, merged.created_time, merged.expires_time) == ("b", T0, T0 + 600)


def test_a_command_that_everybody_forks_stays_bounded() -> None:
    record = command()
    for number in range(300):
        record = merge(record, step(command(), H, T0 + 1, f"node-{number}"))
    assert len(record.transitions) == life.TRANSITIONS_MOST
    assert record.transitions[0].state is Q
