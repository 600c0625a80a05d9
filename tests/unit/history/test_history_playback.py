"""Blocks: their times, their caching, their manifest."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import RequestError
from tracker.history import playback
from tracker.history.playback import (
    BACKLOG_S,
    BLOCK_S,
    SETTLE_S,
    Coarse,
    block_of,
    block_span,
    cache_rule,
    check_block,
    is_closed,
    manifest,
    minute_runs,
)

NOW = 1_772_352_345.0


def test_blocks_cover_time_without_holes():
    block = block_of(NOW)
    first, last = block_span(block)
    assert first <= NOW * 1e6 <= last
    assert block_span(block + 1)[0] == last + 1
    assert first % (BLOCK_S * 1_000_000) == 0


def test_only_what_no_longer_changes_is_kept():
    block = 1_000
    end = (block + 1) * BLOCK_S
    assert cache_rule(block, end - 1) == "no-store"
    assert cache_rule(block, end + SETTLE_S - 1) == "no-store"
    assert not is_closed(block, end + SETTLE_S - 1)
    assert cache_rule(block, end + SETTLE_S) == "private, max-age=60"
    assert is_closed(block, end + SETTLE_S)
    assert cache_rule(block, end + BACKLOG_S - 1) == "private, max-age=60"
    assert cache_rule(block, end + BACKLOG_S) == "private, max-age=86400, immutable"


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "", "٣", str(block_of(NOW) + 2), "9" * 30])
def test_a_block_that_is_none_is_named(text):
    with pytest.raises(RequestError, match="block: must be floor"):
        check_block(text, NOW)


def test_a_block_is_a_number():
    assert check_block("0", NOW) == 0
    assert check_block(str(block_of(NOW)), NOW) == block_of(NOW)


def test_steps_let_the_first_through():
    coarse = Coarse(10)
    times = [0, 1, 9, 10, 35, 39, 40]
    assert [t for t in times if coarse.takes(t * 1_000_000)] == [0, 10, 35, 40]
    every = Coarse(0)
    assert all(every.takes(t) for t in (5, 5, 6))


@given(st.dictionaries(st.integers(29_000_000, 29_000_400), st.integers(1, 60)))
def test_a_manifest_has_every_minute_once(counts):
    found = manifest(counts)
    assert [entry["block"] for entry in found] == sorted({m // 10 for m in counts})
    unrolled = {
        entry["block"] * 10 + offset: count
        for entry in found
        for offset, count in enumerate(entry["minutes"])
        if count
    }
    assert unrolled == counts
    assert all(len(entry["minutes"]) == playback.MINUTES_IN_BLOCK for entry in found)


@given(st.sets(st.integers(0, 60)))
def test_runs_of_minutes_are_the_minutes(minutes):
    runs = minute_runs(minutes)
    assert {m for first, last in runs for m in range(first, last + 1)} == minutes
    assert all(before[1] + 1 < after[0] for before, after in pairwise(runs))
