"""What holds for every protocol of the registry; a new one is held to it by being there."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import UsageError
from simulator.model import Fix
from simulator.protocols import FAMILIES, MIXED, families
from simulator.protocols.base import AnswerKind, Family

from .protocol_cases import SOUTH_WEST

EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)

FIXES = st.builds(
    Fix,
    fix_time=st.floats(946_684_800, 4_000_000_000),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    speed_kmh=st.floats(0, 400),
    course_deg=st.floats(0, 360),
    altitude_m=st.floats(-500, 9000),
    satellites=st.integers(0, 40),
    ignition=st.booleans(),
    odometer_m=st.floats(0, 4e9),
)


def test_names_are_found_alone_in_lists_and_mixed() -> None:
    assert families(["gt06"]) == [FAMILIES["gt06"]]
    assert [one.name for one in families(["gt06,frame55", "jt808"])] == ["gt06", "frame55", "jt808"]
    assert families(["mix"]) == list(MIXED)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'morse': known are frame55, gt06, jt808"):
        families(["morse"])


@EVERY
def test_the_name_in_the_registry_is_the_familys(family: Family) -> None:
    assert FAMILIES[family.name] is family


@EVERY
@given(fix=FIXES)
def test_any_fix_can_be_stated_and_sent(family: Family, fix: Fix) -> None:
    terminal = family.terminal(family.ident(1), {})
    frame = terminal.position(fix)
    stated = family.stated(fix)
    assert frame.fixes == 1
    assert frame.data
    assert abs(stated.fix_ms / 1000 - fix.fix_time) < 1.0
    # The coarsest is 1e-4 of a minute, rounded, and then rounded to 1e-6 degree.
    assert abs(stated.lat_e6 / 1e6 - fix.lat) <= 1.4e-6
    assert abs(stated.lon_e6 / 1e6 - fix.lon) <= 1.4e-6
    assert abs(stated.speed_dkmh / 10 - min(fix.speed_kmh, 255)) <= 0.5 or fix.speed_kmh > 255
    turn = abs(stated.course_ddeg / 10 - fix.course_deg)
    assert min(turn, 360 - turn) <= 0.5
    assert 0 <= stated.course_ddeg < 3600


@EVERY
def test_serials_tell_frames_apart(family: Family) -> None:
    terminal = family.terminal(family.ident(1), {})
    frames = [terminal.position(SOUTH_WEST), terminal.backlog([SOUTH_WEST])]
    frames.append(terminal.position(SOUTH_WEST))
    assert len({frame.serial for frame in frames}) == 3


@EVERY
def test_a_backlog_takes_the_first_ones_and_at_least_one(family: Family) -> None:
    terminal = family.terminal(family.ident(1), {})
    fixes = [
        dataclasses.replace(SOUTH_WEST, fix_time=SOUTH_WEST.fix_time + second)
        for second in range(32)
    ]
    taken = 0
    while taken < len(fixes):
        frame = terminal.backlog(fixes[taken:])
        assert 1 <= frame.fixes <= len(fixes) - taken
        taken += frame.fixes


@EVERY
@given(chunks=st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_the_server_says_comes_out_as_answers(family: Family, chunks: list[bytes]) -> None:
    terminal = family.terminal(family.ident(1), {})
    terminal.hello()
    for chunk in chunks:
        for answer in terminal.receive(chunk):
            assert isinstance(answer.kind, AnswerKind)
