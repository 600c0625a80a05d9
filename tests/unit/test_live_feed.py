"""The live feed as a whole: whatever happens, every viewer holds what it should, exactly.

After each tick, everybody who got a message holds exactly the vehicles of its view with exactly the
reference's values, and everybody got a message exactly when one was due. tests/unit/story.py tells
what can happen.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.story import Story


def tell(seed: int, ticks: int, *, interrupted: bool) -> Counter[str]:
    """A story of so many ticks; how often what was compared."""
    story = Story(seed)
    rng = story.rng
    try:
        for _ in range(10):
            story.describe()
        for _ in range(ticks):
            for _ in range(rng.randint(0, 12)):
                story.happen()
            if interrupted and rng.random() < 0.3:
                story.tick(1, interruptions=rng.randint(1, 3))
            story.tick(rng.choice([1, 1, 1, 1, 1, 2, 9, 25]))
    except BaseException as error:
        error.add_note("\n".join(story.log))
        raise
    return story.counts


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), ticks=st.integers(1, 60))
def test_every_viewer_holds_exactly_what_it_should(seed, ticks):
    tell(seed, ticks, interrupted=False)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), ticks=st.integers(1, 60))
def test_also_when_things_change_while_frames_go_out(seed, ticks):
    tell(seed, ticks, interrupted=True)


def test_the_stories_are_about_something():
    """A comparison of nothing with nothing would be right as well."""
    counts = sum((tell(seed, 100, interrupted=True) for seed in range(6)), Counter())
    assert counts["differences"] > 500
    assert counts["full"] > 200
    assert counts["rows"] > 4_000
    assert counts["events"] > 200
    assert counts["conflated"] > 30
    assert counts["closed"] > 10
