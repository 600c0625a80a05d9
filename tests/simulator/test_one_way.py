"""Protocols without answers: what a device does with them, and what the counts say of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from simulator.device import ANSWER_TIMEOUT_S, ATTEMPTS, LOGIN_TIMEOUT_S, Device
from simulator.driven import Driven
from simulator.driver import assign
from simulator.model import Fix
from simulator.outcome import Outcome
from simulator.play import Line, play, town_vehicles
from simulator.protocols import FAMILIES, families
from simulator.protocols.base import Family
from simulator.report import driven_line
from simulator.reports import Pace, fleet_reports

from .test_counting import outcome

START = 1_775_390_400.0
ONE_WAY = [FAMILIES["nmea"], FAMILIES["xexun"]]
EVERY = pytest.mark.parametrize("family", ONE_WAY, ids=lambda family: family.name)


def fix(second: int) -> Fix:
    return Fix(START + second, 45.0 + second / 1e4, 14.0, 36.0, 90.0)


def device(family: Family, **options: float) -> tuple[Device, Driven]:
    driven = Driven()
    return Device(1, family.ident(1), family, driven, **options), driven  # type: ignore[arg-type]


def of_positions(family: Family, *seconds: int) -> list[bytes]:
    """The frames of these fixes, in order."""
    terminal = family.terminal(family.ident(1), {})
    return [terminal.position(fix(second)).data for second in seconds]


def test_which_they_are() -> None:
    """Who has a heartbeat that is answered, which vouches for positions, is not one of them."""
    assert all(family.one_way for family in ONE_WAY)
    assert not FAMILIES["gps103"].one_way
    assert families(["xexun,nmea"]) == [FAMILIES["xexun"], FAMILIES["nmea"]]


@EVERY
def test_positions_go_out_at_once_and_none_is_kept_or_acknowledged(family: Family) -> None:
    one, driven = device(family)
    hello = family.terminal(family.ident(1), {}).hello()
    assert one.connected(START) == ([hello] if hello else [])
    assert one.accepted
    for second in range(5):
        assert one.take(fix(second), START + second) == of_positions(family, second)
    assert one.kept == 0
    assert (driven.positions, driven.stored) == (5, 0)
    assert driven.unconfirmed_positions == 5
    assert driven.acknowledged_positions == 0
    assert driven_line(driven).startswith(
        "5 positions sent, 0 acknowledged, 5 written, none confirmed"
    )


@EVERY
def test_silence_of_the_server_never_ends_the_connection(family: Family) -> None:
    one, driven = device(family, heartbeat_s=30.0)
    one.connected(START)
    one.take(fix(0), START)
    now = START
    frames: list[bytes] = []
    while now < START + LOGIN_TIMEOUT_S + ATTEMPTS * ANSWER_TIMEOUT_S + 200.0:
        now += 1.0
        frames += one.poll(now)
        assert not one.closing
    assert len(frames) == 8, "a heartbeat every 30 s, and nothing else"
    assert all(frames)
    assert driven.positions == 1


def test_a_heartbeat_that_says_nothing_is_not_written() -> None:
    one, _ = device(FAMILIES["xexun"], heartbeat_s=30.0)
    one.connected(START)
    assert one.poll(START + 31.0) == []
    assert not one.closing


@EVERY
def test_what_was_taken_without_a_connection_goes_out_with_the_next(family: Family) -> None:
    one, driven = device(family)
    for second in range(3):
        assert one.take(fix(second), START + second) == []
    assert one.kept == 3
    frames = one.connected(START + 9)
    assert frames[-3:] == of_positions(family, 0, 1, 2)
    assert one.kept == 0
    assert (driven.positions, driven.stored, driven.unconfirmed_positions) == (0, 3, 3)
    one.disconnected()
    assert one.kept == 0, "what was written is gone, whether it arrived or not"
    assert not one.accepted
    one.take(fix(4), START + 10)
    assert one.kept == 1


@EVERY
def test_a_socket_that_takes_no_more_keeps_positions_back(family: Family) -> None:
    one, driven = device(family)
    one.connected(START)
    one.paused(paused=True, now=START)
    assert one.take(fix(0), START) == []
    assert (one.kept, driven.unconfirmed_positions) == (1, 0)
    assert one.paused(paused=False, now=START + 1) == of_positions(family, 0)


def test_ok1_of_a_server_that_is_set_to_it_confirms_nothing() -> None:
    one, driven = device(FAMILIES["nmea"])
    one.connected(START)
    one.take(fix(0), START)
    assert one.received(b"OK1\r\n", START) == []
    assert driven.acknowledged_positions == 0


def test_the_report_says_how_many_are_unconfirmed() -> None:
    plain: Outcome = outcome()
    assert plain.to_json()["driven"]["unconfirmed"] == 0
    assert not any("confirmed" in remark for remark in plain.remarks())
    told = replace(plain, driven=replace(plain.driven, unconfirmed_positions=7))
    assert told.to_json()["driven"]["unconfirmed"] == 7
    assert "7 positions have no answers: none of them is confirmed" in told.remarks()
    assert told.failures() == plain.failures()


@asynccontextmanager
async def listening(received: dict[str, bytes]) -> AsyncIterator[int]:
    """A server that reads and never says anything; what came, by peer."""

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername"))
        received[peer] = b""
        while data := await reader.read(4096):
            received[peer] += data
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@EVERY
async def test_a_fleet_ends_well_though_nobody_answers(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.play.HEAD_START_S", 0.05)
    received: dict[str, bytes] = {}
    driving = town_vehicles(2, 3, (46.0569, 14.5058), 1)
    async with listening(received) as port:
        driven = await play(
            assign(2, [family], 1),
            lambda start: fleet_reports(driving, Pace(start, 4.0, 1.0), 3),
            Line(("127.0.0.1", port), seed=3),
            "a fleet",
        )
    assert driven.positions == driven.unconfirmed_positions == 8
    assert driven.acknowledged_positions == driven.disconnects == 0
    assert len(received) == 2
    for data in received.values():
        assert data.count(b"GPRMC,") == 4
