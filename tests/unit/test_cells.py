"""Which cells cover a box, and who enters, leaves and crosses cells in a tick."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.builders import T0, live, vehicle
from tracker.cells import (
    LEVELS,
    MAX_CELLS,
    NOWHERE,
    WORLD_VIEW,
    Level,
    View,
    cover,
    label,
    topic_cell,
    topic_cell_number,
    topic_group,
)
from tracker.geo import cell_xy
from tracker.world import World


def tile(lat: float, lon: float, level: int) -> tuple[int, int]:
    x, y = cell_xy(np.array([lat]), np.array([lon]), level)
    return int(x[0]), int(y[0])


# Covering a box -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "level", "columns", "rows"),
    [
        ((-180, -90, 180, 90), 2, range(4), range(4)),  # 16 cells; the next level has 256
        ((-180, -90, -180, 90), 6, [0], range(64)),  # a meridian
        ((-180, 0.001, 180, 0.001), 6, range(64), [31]),  # a parallel
        ((10, 89, 20, 90), 10, range(540, 569), [0]),  # beyond the map's edge: its top row
        ((10, -90, 20, -89), 10, range(540, 569), [1023]),
        ((14.5, 46.05, 14.5, 46.05), 16, [35_407], [23_302]),  # a point
        ((-180, 0, -180, 0), 16, [0], [32_768]),
        ((180, 0, 180, 0), 16, [65_535], [32_768]),
        ((179.9, -0.1, -179.9, 0.1), 12, [4094, 4095, 0, 1], range(2046, 2050)),
        ((180, -1, -180, 1), 12, [4095, 0], range(2036, 2060)),  # nothing but the line
        ((10.1, 46, 10.0, 48), 6, range(64), [22]),  # all but a sliver, the long way round
    ],
)
def test_known_covers(box, level, columns, rows):
    view = cover(*box)
    assert view.level == level
    assert view.cells == tuple((x, y) for y in rows for x in columns)


def crosses(box: tuple[float, float, float, float], lon: float) -> bool:
    west, _, east, _ = box
    return west <= lon <= east if west <= east else lon >= west or lon <= east


BOXES = st.tuples(
    st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)
).map(lambda box: (box[0], min(box[1], box[3]), box[2], max(box[1], box[3])))
SMALL_BOXES = st.builds(
    lambda lon, lat, width, height: (
        lon,
        max(-90.0, lat),
        (lon + width + 180) % 360 - 180,
        min(90.0, lat + height),
    ),
    st.floats(-180, 179.999),
    st.floats(-90, 90),
    st.floats(0, 3),
    st.floats(0, 3),
)
FRACTION = st.floats(0, 1)


@given(BOXES | SMALL_BOXES, FRACTION, FRACTION)
@example((-180.0, -90.0, 180.0, 90.0), 1.0, 1.0)
@example((179.0, 1.0, -179.0, 2.0), 0.5, 0.5)
def test_every_point_of_a_box_lies_in_its_cells(box, across, up):
    west, south, east, north = box
    width = east - west if west <= east else east - west + 360
    lon = west + across * width
    lon = lon - 360 if lon > 180 else lon
    lat = min(south + up * (north - south), north)
    view = cover(*box)
    if crosses(box, lon):  # rounding may push a point over the box's own edge
        assert tile(lat, lon, view.level) in view.cells


@given(BOXES | SMALL_BOXES)
def test_covers_are_fine_and_small(box):
    view = cover(*box)
    assert 1 <= len(view.cells) <= MAX_CELLS
    assert len(set(view.cells)) == len(view.cells)
    assert view.level in LEVELS
    size = 1 << view.level
    assert all(0 <= x < size and 0 <= y < size for x, y in view.cells)
    if view.level < LEVELS[-1]:  # the next level would take more than 64, so this one takes over 2
        assert len(view.cells) > 2 or view.level == 0


@given(BOXES | SMALL_BOXES)
def test_no_cell_lies_off_the_box(box):
    """A cell whose neighbours to the west and east both lie outside the box would be one."""
    west, south, east, north = box
    view = cover(*box)
    columns, rows = {x for x, _ in view.cells}, {y for _, y in view.cells}
    assert len(columns) * len(rows) == len(view.cells)
    assert min(rows) == tile(north, west, view.level)[1]
    assert max(rows) == tile(south, west, view.level)[1]
    first, last = tile(0, west, view.level)[0], tile(0, east, view.level)[0]
    size = 1 << view.level
    span = (last - first) % size + 1
    assert columns in ({(first + n) % size for n in range(span)}, set(range(size)))
    if len(columns) == size and span < size:
        assert first == last
        assert west > east


def test_views_are_equal_by_their_cells():
    one, same = View(2, ((1, 0), (1, 1))), View(2, ((1, 0), (1, 1)))
    assert one == same
    assert hash(one) == hash(same)
    assert len({one, same, View(2, ((1, 0),)), View(4, ((1, 0), (1, 1)))}) == 3
    assert one.labels() == ["2/1/0", "2/1/1"]
    assert WORLD_VIEW.labels() == [label(0, (0, 0))] == ["0/0/0"]


# Who goes where -----------------------------------------------------------------------------------

# At level 4 a cell is 22.5 degrees wide. Along the equator, just north of it, row 7:
IN_8, IN_8_TOO, IN_9, IN_0 = (1.0, 1.0), (2.0, 2.0), (1.0, 23.0), (1.0, -179.0)
Told = dict[tuple[int, str], dict[str, list[int]]]


class Scene:
    """A world of vehicles a, b, c (slots 0, 1, 2; group `main`) watched at one level."""

    def __init__(self, number: int = 4) -> None:
        self.world = World()
        self.time = 0
        for id_ in "abc":
            self.world.describe(vehicle(id_))
        self.level = Level(number, self.world)

    def step(self, **places: tuple[float, float]) -> Told:
        """Vehicles report from places; by column and group: what is told."""
        self.time += 1
        news = [live(id_, self.time, lat=lat, lon=lon) for id_, (lat, lon) in places.items()]
        changes = self.world.step(news, T0 + self.time)
        told: Told = {}
        for topic, rows in self.level.step(self.world, changes).items():
            columns = {
                "leave": rows.leave.tolist(),
                "enter": rows.enter.tolist(),
                "move": changes.moved[rows.move].tolist(),
                "state": rows.restate.tolist(),
            }
            where = (topic_cell(topic)[0], self.world.group_label(topic_group(topic)))
            told[where] = {name: slots for name, slots in columns.items() if slots}
        return told


def test_vehicles_enter_where_they_appear():
    assert Scene().step(a=IN_8, b=IN_8_TOO, c=IN_9) == {
        (8, "main"): {"enter": [0, 1]},
        (9, "main"): {"enter": [2]},
    }


def test_vehicles_that_stay_in_their_cell_move():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8, c=IN_9)
    assert scene.step(c=IN_9, a=IN_8_TOO) == {
        (8, "main"): {"move": [0]},
        (9, "main"): {"move": [2]},
    }
    assert scene.step() == {}


def test_a_vehicle_that_crosses_leaves_and_enters():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8, c=IN_9)
    assert scene.step(a=IN_9, b=IN_8_TOO, c=IN_9) == {
        (8, "main"): {"leave": [0], "move": [1]},
        (9, "main"): {"enter": [0], "move": [2]},
    }
    assert scene.step(a=IN_0) == {
        (9, "main"): {"leave": [0]},
        (0, "main"): {"enter": [0]},
    }


def test_another_group_is_another_topic():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8)
    scene.world.describe(vehicle("a", group="north"))
    assert scene.step() == {(8, "main"): {"leave": [0]}, (8, "main/north"): {"enter": [0]}}
    scene.world.describe(vehicle("a", group=""))
    assert scene.step(a=IN_9, b=IN_8_TOO) == {
        (8, "main/north"): {"leave": [0]},
        (9, "main"): {"enter": [0]},
        (8, "main"): {"move": [1]},
    }


def test_another_name_is_an_enter_in_the_same_cell_and_no_leave():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8)
    scene.world.describe(vehicle("a", name="new"))
    assert scene.step(a=IN_8_TOO) == {(8, "main"): {"enter": [0]}}


def test_a_removed_vehicle_leaves_once():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8)
    scene.world.remove("a")
    assert scene.step(b=IN_8_TOO) == {(8, "main"): {"leave": [0], "move": [1]}}
    assert scene.step() == {}
    assert scene.level.topics[0] == NOWHERE


def test_states_are_told_where_the_vehicle_is_unless_it_enters():
    scene = Scene()
    scene.step(a=IN_8, b=IN_8, c=IN_9)
    scene.time = 100
    assert scene.step(b=IN_9) == {
        (8, "main"): {"leave": [1], "state": [0]},
        (9, "main"): {"enter": [1], "state": [2]},
    }


def test_a_level_that_begins_late_knows_who_is_where():
    scene = Scene()
    scene.step(a=IN_8, b=IN_9)
    late = Level(4, scene.world)
    assert late.topics.tolist() == scene.level.topics.tolist()
    assert [(topic_cell(t), slots.tolist()) for t, slots in late.everyone().items()] == [
        ((8, 7), [0]),
        ((9, 7), [1]),
    ]
    assert Level(0, scene.world).everyone().keys() == {0}
    assert Level(4, World()).everyone() == {}


def test_a_level_grows_with_the_world():
    scene = Scene()
    scene.step(a=IN_8)
    for n in range(3_000):
        scene.world.describe(vehicle(f"v{n}"))
    assert scene.step(v2999=IN_9, a=IN_8_TOO) == {
        (8, "main"): {"move": [0]},
        (9, "main"): {"enter": [3_002]},
    }


@pytest.mark.parametrize("level", LEVELS)
def test_topics_hold_cells_and_groups_at_every_level(level):
    world = World()
    for n in range(300):
        world.describe(vehicle(f"v{n}", group=f"g{n}"))
    size = 1 << level
    corners = {0: (85.0, -180.0), 299: (-85.0, 180.0)}
    world.step([live(f"v{n}", lat=lat, lon=lon) for n, (lat, lon) in corners.items()], T0)
    topics = Level(level, world).topics
    for slot, (lat, lon) in corners.items():
        topic = int(topics[slot])
        cell = topic_cell(topic)
        assert cell == tile(lat, lon, level)
        assert topic_group(topic) == slot
        assert View(level, (cell,)).numbers == (topic_cell_number(topic),)
    assert topic_cell(int(topics[299]))[0] == size - 1


@given(st.lists(st.lists(st.sampled_from([IN_8, IN_8_TOO, IN_9, IN_0, None]), min_size=3,
                         max_size=3), max_size=12))  # fmt: skip
def test_whoever_enters_was_elsewhere_and_whoever_leaves_was_here(steps):
    scene = Scene()
    where: dict[int, tuple[int, str]] = {}
    for places in steps:
        told = scene.step(**{id_: p for id_, p in zip("abc", places, strict=True) if p})
        for topic, rows in told.items():
            for slot in rows.get("leave", []):
                assert where.pop(slot) == topic
        for topic, rows in told.items():
            for slot in rows.get("enter", []):
                assert slot not in where
                where[slot] = topic
        for topic, rows in told.items():
            assert all(where[slot] == topic for slot in rows.get("move", []))
    topics = {s: topic_cell(int(t))[0] for s, t in enumerate(scene.level.topics[:3]) if t >= 0}
    assert topics == {slot: topic[0] for slot, topic in where.items()}
