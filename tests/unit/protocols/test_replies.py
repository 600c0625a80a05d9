"""Whose a reply is: not of the command that nobody answered, nor of one that states a stranger."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tracker.model import Command, CommandKind
from tracker.protocols.base import NOBODYS, Heartbeat, Reply, Session
from tracker.protocols.commands import known_reference
from tracker.protocols.jt808.link import Link
from tracker.protocols.jt808.messages import general_reply
from tracker.protocols.jt808.wire import Frame, Head
from tracker.protocols.unanswered import GIVEN_UP_S, ByKind, InTurn, Numbered

TERMINAL = Head(bytes.fromhex("013911110001"), version=-1)


@pytest.mark.parametrize("order", [InTurn, ByKind])
def test_one_that_is_never_answered_does_not_shift_the_others_for_ever(order: Any) -> None:
    session = Session(now=1_000.0)
    asked = order(session)
    asked.ask("relay", 1)
    for reference in (2, 3, 4):
        session.now += GIVEN_UP_S
        asked.ask("relay", reference)
        assert asked.answered("relay") == reference
    assert len(asked) == 0


@pytest.mark.parametrize("order", [InTurn, ByKind])
def test_the_newest_is_waited_for_however_long(order: Any) -> None:
    session = Session(now=1_000.0)
    asked = order(session)
    asked.ask("relay", 1)
    session.now += 100 * GIVEN_UP_S
    assert asked.answered("relay") == 1


@pytest.mark.parametrize("order", [InTurn, ByKind])
def test_within_a_minute_answers_come_in_order(order: Any) -> None:
    session = Session(now=1_000.0)
    asked = order(session)
    for reference in (1, 2, 3):
        asked.ask("relay", reference)
        session.now += GIVEN_UP_S / 4
    assert [asked.answered("relay") for _ in range(4)] == [1, 2, 3, None]


def test_given_up_are_those_of_the_kind_alone() -> None:
    session = Session(now=1_000.0)
    asked: InTurn[str] = InTurn(session)
    asked.ask("other", 1)
    asked.ask("relay", 2)
    session.now += GIVEN_UP_S
    asked.ask("relay", 3)
    assert asked.answered("relay") == 3
    assert asked.answered("other") == 1


def test_a_number_that_nobody_waits_for_is_not_that_of_who_waits() -> None:
    asked = Numbered()
    assert asked.whose(7) is None, "it may be one of an earlier connection"
    asked.ask(7, 1)
    assert asked.whose(8) == NOBODYS
    assert asked.whose(7) == 1
    assert asked.whose(7) is None


def test_a_number_beyond_ours_is_of_somebody_elses_command() -> None:
    assert known_reference(0) is None
    assert known_reference(65_535) == 65_535
    assert known_reference(65_536) == known_reference(0xFFFFFFFF) == NOBODYS


def answer(serial: int, message: int) -> Frame:
    body = struct.pack(">HHB", serial, message, 0)
    return Frame(message=0x0001, head=TERMINAL, serial=9, body=body)


def test_a_terminal_that_names_another_message_has_not_confirmed_ours() -> None:
    link = Link(Session())
    link.head = TERMINAL
    link.order(Command(CommandKind.ENGINE_CUT, 7, {}), 0x8105, b"\x40")
    serial = (link.serial - 1) & 0xFFFF
    for stranger in (answer(serial + 77, 0x8105), answer(serial + 1, 0x8800)):
        said = general_reply(link, stranger)
        assert isinstance(said, Reply)
        assert said.reference == NOBODYS
    said = general_reply(link, answer(serial, 0x8105))
    assert isinstance(said, Reply)
    assert said.reference == 7


def test_what_is_confirmed_on_the_next_connection_belongs_to_what_is_under_way() -> None:
    link = Link(Session())
    link.head = TERMINAL
    said = general_reply(link, answer(3, 0x8105))
    assert isinstance(said, Reply)
    assert said.reference is None
    assert isinstance(general_reply(link, answer(3, 0x8800)), Heartbeat), "no command was so sent"
