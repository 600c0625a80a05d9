"""Faults: read from the command line, and done to frames as asked and no further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import UsageError
from simulator.faults import (
    CUT_DELAY_S,
    DEFAULT_RATE,
    JOINED_WAIT_S,
    LATE_S,
    NO_FAULTS,
    SILENT_S,
    FaultRates,
    FaultyLine,
    PositionFaults,
    parse_faults,
)
from simulator.seeds import stream

FRAMES = [bytes((index,)) * 20 for index in range(1, 120)]


def test_faults_are_read_with_and_without_rates() -> None:
    rates = parse_faults("cut=0.25, late ,stalled-viewers=1")
    assert rates == FaultRates(cut=0.25, late=DEFAULT_RATE, stalled_viewers=1.0)
    assert parse_faults("") == NO_FAULTS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("torn", "unknown fault 'torn': known are cut, joined, .*stalled-viewers"),
        ("cut=often", "'often' is no number"),
        ("cut=1.5", "does not lie within"),
        ("cut=nan", "does not lie within"),
    ],
)
def test_bad_faults_are_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_faults(text)


def test_what_is_touched_is_known() -> None:
    assert not NO_FAULTS.of_devices
    assert not FaultRates(stalled_viewers=0.5).of_devices
    assert FaultRates(silent=0.1).of_devices
    assert not FaultRates(silent=0.1).of_bytes
    assert FaultRates(duplicated=0.1).of_bytes
    assert not FaultRates(duplicated=0.1, stalled_viewers=0.5).delays


def pushed(rates: FaultRates, seed: int = 1) -> tuple[list[bytes], list[str]]:
    """All frames through a line, one second apart; the writes, and the fault of each frame."""
    line, now, writes, suffered = FaultyLine(rates, stream(seed, "line")), 0.0, [], []
    for frame in FRAMES:
        suffered.append(line.send(frame, now))
        writes += line.due(now)
        now += 1.0
        writes += line.due(now)
    writes += line.due(now + 100.0)
    assert line.next_due() is None
    return writes, suffered


def test_without_faults_frames_pass_as_they_are() -> None:
    writes, suffered = pushed(NO_FAULTS)
    assert writes == FRAMES
    assert set(suffered) == {""}


def test_cut_frames_come_in_two_writes_and_lose_nothing() -> None:
    writes, suffered = pushed(FaultRates(cut=0.5))
    assert b"".join(writes) == b"".join(FRAMES)
    assert len(writes) == len(FRAMES) + suffered.count("cut")
    assert 30 < suffered.count("cut") < 90


def test_joined_frames_share_a_write_and_lose_nothing() -> None:
    writes, suffered = pushed(FaultRates(joined=0.5))
    assert b"".join(writes) == b"".join(FRAMES)
    sizes = [len(write) // len(FRAMES[0]) for write in writes]
    at = 0
    for size in sizes:
        alone_or_ended = suffered[at : at + size]
        assert all(fault == "joined" for fault in alone_or_ended[:-1])
        # The last of a write was not to be joined, or the wait had come to its end.
        assert alone_or_ended[-1] == "" or size >= JOINED_WAIT_S or at + size == 119
        at += size
    assert sum(size > 1 for size in sizes) > 20


def test_frames_that_are_all_joined_still_come_in_time() -> None:
    writes, suffered = pushed(FaultRates(joined=1.0))
    assert set(suffered) == {"joined"}
    assert b"".join(writes) == b"".join(FRAMES)
    assert len(writes) > len(FRAMES) / (JOINED_WAIT_S + 2.0)


def test_duplicated_frames_come_twice_in_a_row() -> None:
    writes, suffered = pushed(FaultRates(duplicated=0.5))
    expected = []
    for frame, fault in zip(FRAMES, suffered, strict=True):
        expected += [frame, frame] if fault else [frame]
    assert writes == expected


def test_damaged_frames_differ_in_one_byte() -> None:
    writes, suffered = pushed(FaultRates(damaged=0.5))
    for sent, frame, fault in zip(writes, FRAMES, suffered, strict=True):
        differing = sum(one != other for one, other in zip(sent, frame, strict=True))
        assert differing == (1 if fault == "damaged" else 0)


def test_rates_do_not_disturb_each_other() -> None:
    alone = [fault == "cut" for fault in pushed(FaultRates(cut=0.2))[1]]
    mixed = [fault == "cut" for fault in pushed(FaultRates(cut=0.2, damaged=0.3))[1]]
    assert sum(alone) > 0
    assert abs(sum(alone) - sum(mixed)) <= 12


def test_the_same_seed_gives_the_same_faults() -> None:
    rates = FaultRates(0.1, 0.1, 0.1, 0.0, 0.1)
    assert pushed(rates) == pushed(rates)
    assert pushed(rates) != pushed(rates, seed=2)


def test_what_follows_a_cut_waits_for_its_second_piece() -> None:
    line = FaultyLine(FaultRates(cut=1.0), stream(1, "line"))
    line.send(b"abcdef", 10.0)
    first = line.due(10.0)
    line.send(b"ghijkl", 10.0)
    assert line.due(10.0) == []
    later = line.next_due()
    assert later is not None
    assert CUT_DELAY_S[0] <= later - 10.0 <= CUT_DELAY_S[1]
    rest = line.due(10.0 + 2 * CUT_DELAY_S[1])
    assert b"".join(first + rest) == b"abcdefghijkl"
    assert len(rest) == 3


def test_a_frame_waits_for_its_companion_for_so_long_only() -> None:
    line = FaultyLine(FaultRates(joined=1.0), stream(1, "line"))
    line.send(b"alone", 10.0)
    assert line.due(10.0 + JOINED_WAIT_S - 0.01) == []
    assert line.next_due() == 10.0 + JOINED_WAIT_S
    assert line.due(10.0 + JOINED_WAIT_S) == [b"alone"]


def test_a_lost_connection_takes_what_was_on_the_way() -> None:
    line = FaultyLine(FaultRates(joined=1.0), stream(1, "line"))
    line.send(b"alone", 10.0)
    line.clear()
    assert line.due(99.0) == []
    assert line.next_due() is None


@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=30),
    st.integers(0, 1000),
    st.floats(0, 0.33),
    st.floats(0, 0.33),
)
def test_order_survives_any_mix_of_cut_and_joined(
    frames: list[bytes], seed: int, cut: float, joined: float
) -> None:
    line, now, writes = FaultyLine(FaultRates(cut, joined), stream(seed, "line")), 0.0, []
    for frame in frames:
        line.send(frame, now)
        now += 0.05
        writes += line.due(now)
    writes += line.due(now + 1000.0)
    assert b"".join(writes) == b"".join(frames)


def test_positions_are_late_or_silent_as_often_as_asked() -> None:
    faults = PositionFaults(FaultRates(late=0.2, silent=0.1), stream(1, "faults"))
    late = [seconds for _ in range(2000) if (seconds := faults.late_s())]
    silent = [seconds for _ in range(2000) if (seconds := faults.silent_s())]
    assert 330 < len(late) < 470
    assert 150 < len(silent) < 250
    assert all(LATE_S[0] <= seconds <= LATE_S[1] for seconds in late)
    assert all(SILENT_S[0] <= seconds <= SILENT_S[1] for seconds in silent)
