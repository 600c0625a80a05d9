"""Files of tracks for tests, and what may be in them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.unit.history.drives import Drive, pages, positions
from tracker.history.exports import FORMATS
from tracker.history.track import Segments, Whole
from tracker.model import Fix, Position, Vehicle

NAME = 'Žiga & "Sons" <7> 车辆 🚚\r\n=1+1'
VEHICLE = Vehicle("v1", NAME, "356307042441013")

TEXTS = st.text(max_size=12)
FIXES = st.builds(
    Fix,
    fix_time=st.integers(1_000_000_000_000_000, 2_000_000_000_000_000).map(lambda us: us / 1e6),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    speed_kmh=st.none() | st.floats(0, 1_000),
    course_deg=st.none() | st.floats(0, 359.9),
    altitude_m=st.none() | st.floats(-500, 9_000),
    valid=st.just(True),
    stored=st.booleans(),
    satellites=st.none() | st.integers(0, 60),
    ignition=st.none() | st.booleans(),
    alarms=st.lists(TEXTS, max_size=2).map(tuple),
    attributes=st.dictionaries(TEXTS, TEXTS | st.integers(0, 9) | st.booleans(), max_size=3),
)
TRACKS = st.lists(FIXES, max_size=30).map(
    lambda fixes: positions(sorted(fixes, key=lambda fix: fix.fix_time))
)


def written(
    name: str, items: list[Position], *, page: int = 7, vehicle: Vehicle = VEHICLE
) -> bytes:
    form = FORMATS[name]
    maker = Segments() if form.drawn else Whole()
    writer = form.writer(vehicle)
    found = [part for some in pages(items, page) for part in maker.add(some)] + maker.end()
    return writer.begin() + b"".join(writer.add(part) for part in found) + writer.end()


def drive() -> Drive:
    """Three segments, the second of one point."""
    made = Drive().go(50, 100, altitude_m=300.5, satellites=9, ignition=True)
    made.silent(400).stand(10).silent(400).go(80, 100, alarms=("sos", "power_cut"))
    return made


def check_lines(data: bytes) -> list[dict[str, Any]]:
    """The features of a FeatureCollection of lines as RFC 7946 has it."""
    collection = orjson.loads(data)
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        assert feature["type"] == "Feature"
        geometry, times = (
            feature["geometry"],
            feature["properties"]["coordinateProperties"]["times"],
        )
        points = geometry["coordinates"]
        if geometry["type"] == "Point":
            points = [points]
        else:
            assert geometry["type"] == "LineString"
            assert len(points) >= 2
        assert len(times) == len(points)
        assert all(len(p) in (2, 3) and abs(p[0]) <= 180 and abs(p[1]) <= 90 for p in points)
        for one, other in pairwise(points):
            assert abs(one[0] - other[0]) <= 180
    features: list[dict[str, Any]] = collection["features"]
    return features
