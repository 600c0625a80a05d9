"""The table: queues, one in flight, replies that find their commands, and bounds that hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tracker.commands import life, table
from tracker.commands.table import Act, Connection, Table
from tracker.errors import TooManyError
from tracker.model import CommandKind, CommandRecord, CommandState

T0 = 1_760_000_000.0
LOCATE, TEXT = CommandKind.LOCATE, CommandKind.TEXT
CUT, RESTORE = CommandKind.ENGINE_CUT, CommandKind.ENGINE_RESTORE
Q, S = CommandState.QUEUED, CommandState.SENT


def command(id_: str, kind: CommandKind = LOCATE, at: float = 0.0, **more: Any) -> CommandRecord:
    fields = {"parameters": {}, "expires_time": T0 + 600, "node": "a"} | more
    return life.begun(CommandRecord(id_, "v", kind, created_time=T0 + at, **fields))


def filled(*records: CommandRecord, **bounds: int) -> Table:
    made = Table(**bounds)
    for record in records:
        made.learn(record)
    return made


def go(made: Table, id_: str, state: CommandState, **more: Any) -> CommandRecord:
    record = made.get(id_)
    assert record is not None
    return made.learn(life.step(record, state, T0 + 1, "a", **more))[0]


def send(made: Table, id_: str, connection: int = 1) -> int:
    reference = made.new_reference("v", T0)
    made.sent_on(go(made, id_, S, reference=reference), connection)
    return reference


def ask(made: Table, number: int = 1, since: float = T0, **more: Any) -> tuple[Act, str] | None:
    connection = Connection(number, since, more.pop("silent", frozenset()))
    found = made.next_act("v", T0 + 2, connection, **more)
    return None if found is None else (found[0], found[1].record.id)


def test_the_engine_goes_before_all_others_and_these_in_their_order() -> None:
    made = filled(command("a", at=0), command("c", at=2), command("b", at=1), command("d", CUT, 3))
    sent = []
    while (found := ask(made)) is not None:
        assert found[0] is Act.SEND
        sent.append(found[1])
        send(made, found[1])
        assert ask(made) is None, "one at a time"
        go(made, found[1], CommandState.ANSWERED)
    assert sent == ["d", "a", "b", "c"]
    assert len(made) == 0
    assert made.lines == {}


def test_a_fast_vehicle_holds_the_cut_and_nothing_else() -> None:
    made = filled(command("cut", CUT), command("text", TEXT, 1))
    assert ask(made, held={"cut"}) == (Act.HOLD, "cut")
    go(made, "cut", CommandState.HELD)
    assert ask(made, held={"cut"}) == (Act.SEND, "text")
    assert ask(made) == (Act.SEND, "cut")


def test_what_the_device_does_not_listen_to_is_held_and_nothing_else() -> None:
    made = filled(command("a", TEXT), command("b", LOCATE, 1))
    assert ask(made, held={"a"}) == (Act.HOLD, "a")
    go(made, "a", CommandState.HELD)
    assert ask(made, held={"a", "b"}) == (Act.HOLD, "b")
    assert ask(made, held={"a"}) == (Act.SEND, "b")
    assert ask(made) == (Act.SEND, "a")


def test_a_reply_to_one_kind_belongs_to_no_other() -> None:
    made = filled(command("interval", CommandKind.INTERVAL), command("locate", LOCATE, 1))
    send(made, "interval")
    assert made.match("v", None, LOCATE) is None
    go(made, "interval", CommandState.ANSWERED)
    send(made, "locate")
    found = made.match("v", None, LOCATE)
    assert found is not None
    assert found.id == "locate"


def test_a_restore_overrules_the_cuts_before_it() -> None:
    made = filled(command("old", CUT, 0), command("restore", RESTORE, 1), command("new", CUT, 2))
    assert ask(made, held={"old", "new"}) == (Act.SUPERSEDE, "old")
    assert ask(made, without={"old"}) == (Act.SEND, "restore")
    send(made, "restore")
    go(made, "restore", CommandState.ANSWERED)
    assert ask(made) == (Act.SUPERSEDE, "old"), "also when the restore has ended"
    go(made, "old", CommandState.CANCELLED)
    assert ask(made) == (Act.SEND, "new")


def test_a_cut_that_is_heard_of_late_is_overruled_too() -> None:
    made = filled(command("restore", RESTORE, 1))
    send(made, "restore")
    go(made, "restore", CommandState.ANSWERED)
    made.learn(command("cut", CUT, 0))
    assert ask(made) == (Act.SUPERSEDE, "cut")


def test_a_new_connection_has_it_repeated_and_the_same_one_has_not() -> None:
    made = filled(command("a"))
    send(made, "a", connection=1)
    assert ask(made, 1, since=T0 + 5) is None
    assert ask(made, 2, since=T0) is None, "a connection from before it was sent"
    assert ask(made, 2, since=T0 + 5, silent=frozenset({LOCATE})) is None
    assert ask(made, 2, since=T0 + 5) == (Act.REPEAT, "a")
    assert ask(filled(life.step(command("t", TEXT), S, T0 + 1, "b")), 2, since=T0 + 5) is None


def test_twice_on_one_connection_is_enough() -> None:
    made = filled(command("a"))
    for _ in range(2):
        assert ask(made) == (Act.SEND, "a")
        send(made, "a")
        go(made, "a", Q)
    assert ask(made) is None
    assert ask(made, 2) == (Act.SEND, "a")


def test_what_is_too_old_is_not_sent() -> None:
    assert ask(filled(command("a", expires_time=T0 + 2))) is None


# -- replies ---------------------------------------------------------------------------------------


def test_a_reply_finds_its_command() -> None:
    made = filled(command("a"), command("b", at=1))
    assert made.match("v", None) is None, "nothing was asked yet"
    assert made.match("nobody", None) is None
    first = send(made, "a")
    go(made, "a", Q)
    second = send(made, "a")
    assert first != second
    for reference in (first, second, None):
        assert made.match("v", reference).id == "a"  # type: ignore[union-attr]
    assert made.match("v", 40_000) is None
    third = send(made, "b")
    assert made.match("v", third).id == "b"  # type: ignore[union-attr]
    assert made.match("v", None).id == "a"  # type: ignore[union-attr]
    go(made, "a", CommandState.ANSWERED)
    assert made.match("v", first) is None, "it has ended"
    assert made.match("v", None).id == "b"  # type: ignore[union-attr]


def test_references_count_up_and_begin_again_at_one() -> None:
    made = Table()
    assert made.new_reference("v", 65_533.0) == 65_534
    assert [made.new_reference("v", 0) for _ in range(3)] == [65_535, 1, 2]
    made.learn(life.step(command("x"), S, T0 + 1, "b", reference=500))
    assert made.new_reference("v", 0) == 501, "another node had sent by this one"


# -- bounds ----------------------------------------------------------------------------------------


def test_no_more_open_commands_than_there_is_room_for() -> None:
    made = filled(command("a"), command("b"), open_most=2)
    with pytest.raises(TooManyError):
        made.learn(command("c"))
    assert len(made) == 2
    go(made, "a", CommandState.CANCELLED)
    made.learn(command("c"))


def test_ended_commands_and_references_are_forgotten_oldest_first(monkeypatch: Any) -> None:
    made = Table(ended_most=3)
    for number in range(6):
        made.learn(command(f"{number}", at=number))
        go(made, f"{number}", CommandState.CANCELLED)
    assert made.overfull() == ["0", "1", "2"]
    assert list(made.ended) == ["3", "4", "5"]
    made.forget("4")
    assert made.get("4") is None
    monkeypatch.setattr(table, "REFERENCES_MOST", 2)
    for vehicle in "abcd":
        made.new_reference(vehicle, 0)
    assert list(made._references) == ["c", "d"]


class Commands(RuleBasedStateMachine):
    """Two nodes that take steps, tell each other or not, and always agree on what both know."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.tables = {"a": Table(open_most=6, ended_most=4), "b": Table(open_most=6, ended_most=4)}
        self.ends: dict[str, CommandState] = {}
        self.made = 0

    @rule(
        target=known,
        node=st.sampled_from("ab"),
        kind=st.sampled_from(CommandKind),
        at=st.integers(0, 50),
    )
    def create(self, node: str, kind: CommandKind, at: int) -> str:
        self.made += 1
        record = command(f"c{self.made}", kind, at, node=node)
        room = len(self.tables[node]) < 6
        try:
            self.tables[node].learn(record)
        except TooManyError:
            assert not room
        else:
            assert room
        return record.id

    @rule(id_=known, node=st.sampled_from("ab"), state=st.sampled_from(CommandState))
    def step(self, id_: str, node: str, state: CommandState) -> None:
        made = self.tables[node]
        record = made.get(id_)
        if record is None:
            return
        before = life.standing(record)
        try:
            after = life.step(record, state, T0 + 60, node, reference=made.new_reference("v", T0))
        except ValueError:
            return
        assert before.open
        made.learn(after)

    @rule(id_=known, source=st.sampled_from("ab"))
    def tell(self, id_: str, source: str) -> None:
        record = self.tables[source].get(id_)
        other = self.tables["b" if source == "a" else "a"]
        if record is None:
            return
        try:
            whole, _ = other.learn(record)
        except TooManyError:
            return
        assert {one.id for one in record.transitions} <= {one.id for one in whole.transitions}
        assert other.learn(record) == (whole, ())

    @rule(node=st.sampled_from("ab"), too_fast=st.booleans(), number=st.integers(1, 3))
    def act(self, node: str, too_fast: bool, number: int) -> None:
        made = self.tables[node]
        held = {e.record.id for e in made if too_fast and e.record.kind is CUT}
        found = made.next_act("v", T0 + 70, Connection(number, T0 + 65), held=held)
        if found is None:
            return
        act, entry = found
        assert entry.standing.open
        if act is Act.SEND:
            assert entry.standing.waiting
            assert made.lines["v"].in_flight() is None
            assert not (too_fast and entry.record.kind is CUT)
            sent = life.step(entry.record, S, T0 + 70, node, reference=1)
            made.learn(sent)
            made.sent_on(sent, number)

    @invariant()
    def bounded(self) -> None:
        for made in self.tables.values():
            assert len(made) <= 6
            made.overfull()
            assert len(made.ended) <= 4
            assert len(made) == sum(len(line.entries) for line in made.lines.values())
            for line in made.lines.values():
                assert line.entries
                assert line.sent_on.keys() <= line.entries.keys()
                assert line.superseded <= line.entries.keys()

    @invariant()
    def no_command_is_open_and_ended(self) -> None:
        for made in self.tables.values():
            opened = {entry.record.id for entry in made}
            assert not opened & made.ended.keys()
            assert all(entry.standing == life.standing(entry.record) for entry in made)
            for record in made.ended.values():
                assert not life.standing(record).open


Commands.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCommands = Commands.TestCase
