"""The life of one command: what may follow what, what is due, and how two tellings become one.

    queued ─► sent ─► answered | failed | expired
      │ ▲      │
      │ └──────┘ sent again: at the next connection, or once more
      ├─► held ─► as queued (an engine cut waits until the vehicle is slow)
      └─► failed | expired | cancelled

A command is a set of transitions; everything else follows from them. So two tellings of one
command are merged by joining the sets, in any order, and all nodes come to the same end of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracker.model import CommandKind, CommandRecord, CommandState, Transition

ATTEMPTS_MOST = 3  # a device that has not answered three times does not answer
TRANSITIONS_MOST = 64  # kept of one command; its own life has at most 12, forks of it a few more
WORDS_MOST = 1_000  # characters kept of a reply or a detail: a screen full

QUEUED, HELD, SENT = CommandState.QUEUED, CommandState.HELD, CommandState.SENT
ANSWERED, FAILED = CommandState.ANSWERED, CommandState.FAILED
EXPIRED, CANCELLED = CommandState.EXPIRED, CommandState.CANCELLED

# Where nodes that could not hear each other came to different ends, the first of these is true: a
# device's own word, then a person's, then that of a clock.
ENDS = (ANSWERED, FAILED, CANCELLED, EXPIRED)

NEXT: Mapping[CommandState | None, frozenset[CommandState]] = {
    None: frozenset({QUEUED}),
    QUEUED: frozenset({HELD, SENT, *ENDS}),
    HELD: frozenset({SENT, *ENDS}),
    SENT: frozenset({QUEUED, ANSWERED, FAILED, EXPIRED}),
    **dict.fromkeys(ENDS, frozenset()),
}

# Among the parameters of an engine cut: whoever asked for it knows that its speed is not known.
SPEED_UNKNOWN = "speed_unknown"

DANGEROUS = frozenset({CommandKind.ENGINE_CUT})
JUMPS = frozenset({CommandKind.ENGINE_CUT, CommandKind.ENGINE_RESTORE})
# Done twice they do no more than done once; a text would be shown twice, a custom one may count.
REPEATABLE = JUMPS | {CommandKind.LOCATE, CommandKind.INTERVAL}


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take, seconds."""

    answer_s: float = 60.0
    # After it other nodes do what was the duty of the one that took the last step, which is gone.
    takeover_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What follows from a command's transitions."""

    state: CommandState
    step: int  # of the newest transition
    last: Transition
    attempts: int = 0
    references: tuple[int, ...] = ()  # of all attempts
    sent_time: float | None = None  # of the newest attempt
    ended_time: float | None = None
    reply: str | None = None

    @property
    def open(self) -> bool:
        """Whether something can still become of it."""
        return self.ended_time is None

    @property
    def waiting(self) -> bool:
        """Whether it is to be sent, for the first time or again."""
        return self.state in (QUEUED, HELD)


@dataclass(frozen=True, slots=True)
class Due:
    """A step that time demands."""

    state: CommandState
    detail: str


def ordered(transitions: Iterable[Transition]) -> tuple[Transition, ...]:
    """In the order of a command's life, each once."""
    known = {one.id: one for one in transitions}
    return tuple(sorted(known.values(), key=lambda one: (one.step, one.time, one.id)))


def standing(record: CommandRecord) -> Standing:
    """How far a command has come. It has at least the transition that began it."""
    transitions = record.transitions
    sent = [one for one in transitions if one.state is SENT]
    ends = [one for one in transitions if one.state in ENDS]
    last = transitions[-1]
    if ends:
        last = min(ends, key=lambda one: (ENDS.index(one.state), one.time, one.id))
    return Standing(
        state=last.state,
        step=transitions[-1].step,
        last=last,
        attempts=len(sent),
        references=tuple(one.reference for one in sent if one.reference is not None),
        sent_time=sent[-1].time if sent else None,
        ended_time=last.time if ends else None,
        reply=last.reply,
    )


def begun(record: CommandRecord, *, start: str = "") -> CommandRecord:
    """A new command with its first transition; `start` as of `step`."""
    id_ = _step_id(record, 0, start or record.node)
    first = Transition(id_, record.created_time, QUEUED, 0, record.node)
    return replace(record, transitions=(first,))


def _step_id(record: CommandRecord, number: int, start: str) -> str:
    return f"{record.id}.{number}.{start}"


def asked(record: CommandRecord) -> dict[str, Any]:
    """The parameters that a device is asked with."""
    return {name: one for name, one in record.parameters.items() if name != SPEED_UNKNOWN}


def may_follow(before: Standing, state: CommandState) -> bool:
    """Whether a command that has come so far may go there."""
    if state in (ANSWERED, FAILED) and before.open and before.attempts:
        return True  # a late word of the device counts, also while it is to be asked again
    if before.attempts and state is CANCELLED:
        return False  # it was sent: what has left cannot be taken back
    if state is ANSWERED:
        return before.state is SENT
    return state in NEXT[before.state]


def step(
    record: CommandRecord,
    state: CommandState,
    now: float,
    node: str,
    *,
    start: str = "",
    detail: str = "",
    reply: str | None = None,
    reference: int | None = None,
) -> CommandRecord:
    """The command one step further. Raises ValueError for a step that it cannot take.

    `start` names the start of the node that takes it, by which the steps of two nodes of one name
    are told apart.
    """
    before = standing(record)
    if not may_follow(before, state):
        raise ValueError(f"{record.id}: {state.value} cannot follow {before.state.value}")
    number = before.step + 1
    new = Transition(
        _step_id(record, number, start or node),
        max(now, before.last.time),  # clocks of nodes differ, and can be set back
        state,
        number,
        node,
        clean(detail) or "",
        clean(reply),
        reference,
    )
    return replace(record, transitions=ordered((*record.transitions, new)))


def merge(mine: CommandRecord, theirs: CommandRecord) -> CommandRecord:
    """Everything that two tellings of one command know.

    Where both nodes took it (the same key was given to both), the earlier one is the command.
    """
    base = min(mine, theirs, key=lambda one: (one.created_time, one.node, one.transitions[0].id))
    known = {one.id for one in mine.transitions}
    if base is mine and known.issuperset(one.id for one in theirs.transitions):
        return mine
    joined = ordered((*mine.transitions, *theirs.transitions))
    return replace(base, transitions=joined[:1] + joined[1:][-(TRANSITIONS_MOST - 1) :])


def news(before: CommandRecord | None, after: CommandRecord) -> tuple[Transition, ...]:
    """The transitions that `after` has and `before` has not."""
    known = set() if before is None else {one.id for one in before.transitions}
    return tuple(one for one in after.transitions if one.id not in known)


def due(
    record: CommandRecord, so_far: Standing, now: float, node: str, times: Times, *, silent: bool
) -> Due | None:
    """What this node has to do about a command now, because of the time.

    `silent`: devices of its protocol are known not to reply to this kind, so it is asked once.
    """
    if not so_far.open:
        return None
    patience = 0.0 if so_far.last.node == node else times.takeover_s
    if so_far.waiting:
        if now < record.expires_time + patience:
            return None
        return Due(EXPIRED, _never_sent(so_far))
    if so_far.sent_time is None or now < so_far.sent_time + times.answer_s + patience:
        return None
    if silent:
        return Due(EXPIRED, "no reply: devices of this protocol do not reply to this command")
    detail = f"no reply within {times.answer_s:g} s"
    if may_repeat(record, so_far, now):
        return Due(QUEUED, detail)
    return Due(EXPIRED, f"{detail}{_times_sent(so_far)}")


def may_repeat(record: CommandRecord, so_far: Standing, now: float) -> bool:
    """Whether an unanswered command may be sent once more."""
    return (
        record.kind in REPEATABLE and so_far.attempts < ATTEMPTS_MOST and now < record.expires_time
    )


def _never_sent(so_far: Standing) -> str:
    if so_far.attempts:
        return f"no reply, and no connection to send it again{_times_sent(so_far)}"
    if so_far.state is HELD:
        return f"not sent in time: {so_far.last.detail}"
    return "not sent in time: the device was away"


def _times_sent(so_far: Standing) -> str:
    return f", sent {so_far.attempts} times" if so_far.attempts > 1 else ""


def clean(words: str | None) -> str | None:
    """Words that any column holds: bounded, no NUL, no half of a surrogate pair."""
    if words is None:
        return None
    words = words.replace("\x00", "\ufffd")[:WORDS_MOST]
    return words.encode("utf-8", "replace").decode("utf-8")
