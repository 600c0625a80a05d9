"""A stored track as it is drawn: cut at gaps, thinned to what can be seen.

Positions go in page by page and come out as parts of segments. A segment ends where nothing was
heard for longer than the gap: no line ever bridges that. Thinning is Douglas and Peucker's, by
GEOS, in a metric projection around each piece, so the tolerance is in metres everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import shapely
from pyproj import Proj

from tracker.model import Position

GAP_S = 300.0  # a device that reports at all while driving does so more often
# Points thinned at a time: six hours at 1 Hz are 15 ms and 10 MB, and a month must not be more.
PIECE_POINTS = 20_000
# As far from its middle as this an azimuthal projection is still true to 2 %.
PIECE_DEG = 20.0


@dataclass(frozen=True, slots=True)
class Part:
    """Positions of one segment that follow each other.

    `opens`: a new segment begins with them; otherwise they go on where the part before ended.
    """

    positions: Sequence[Position]
    opens: bool


class Parts(Protocol):
    """What makes parts of pages."""

    def add(self, positions: Iterable[Position]) -> list[Part]:
        """Take a page; the parts that are settled by it."""

    def end(self) -> list[Part]:
        """The parts that are left."""


class Whole:
    """Everything that was stored, what is no place included: for tables of rows."""

    def __init__(self) -> None:
        self._opens = True

    def add(self, positions: Iterable[Position]) -> list[Part]:
        """The page as one part."""
        part = Part(list(positions), self._opens)
        self._opens = False
        return [part]

    def end(self) -> list[Part]:
        """Nothing: no position waits."""
        return []


class Segments:
    """Valid positions, cut where nothing was heard for longer than `gap_s`."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._last_time: float | None = None

    def add(self, positions: Iterable[Position]) -> list[Part]:
        """The page's parts."""
        parts: list[Part] = []
        opens, run = False, list[Position]()
        last = self._last_time
        for position in positions:
            if not position.fix.valid:  # its place is a memory of the receiver's
                continue
            time = position.fix.fix_time
            if last is None or time - last > self._gap_s:
                if run:
                    parts.append(Part(run, opens))
                opens, run = True, []
            run.append(position)
            last = time
        if run:
            parts.append(Part(run, opens))
        self._last_time = last
        return parts

    def end(self) -> list[Part]:
        """Nothing: no position waits."""
        return []


class Thinned:
    """Segments without the points that lie within `tolerance_m` of the line through the others.

    First and last point of a segment stay. Long segments are thinned a piece at a time, and the
    points where two pieces meet stay as well.
    """

    def __init__(
        self, tolerance_m: float, gap_s: float = GAP_S, *, piece_points: int = PIECE_POINTS
    ) -> None:
        self._tolerance_m = tolerance_m
        self._piece_points = max(piece_points, 2)
        self._segments = Segments(gap_s)
        self._piece: list[Position] = []
        self._opens = False

    def add(self, positions: Iterable[Position]) -> list[Part]:
        """The pieces that this page has completed."""
        done: list[Part] = []
        for part in self._segments.add(positions):
            if part.opens:
                done += self.end()
                self._opens = True
            for position in part.positions:
                if self._full(position):
                    *kept, last = simplified(self._piece, self._tolerance_m)
                    done.append(Part(kept, self._opens))
                    self._piece, self._opens = [last], False
                self._piece.append(position)
        return done

    def end(self) -> list[Part]:
        """The piece that is open."""
        if not self._piece:
            return []
        part = Part(simplified(self._piece, self._tolerance_m), self._opens)
        self._piece, self._opens = [], False
        return [part]

    def _full(self, position: Position) -> bool:
        if len(self._piece) < 2:
            return False
        if len(self._piece) >= self._piece_points:
            return True
        first, fix = self._piece[0].fix, position.fix
        d_lon = abs(fix.lon - first.lon)
        return max(abs(fix.lat - first.lat), min(d_lon, 360.0 - d_lon)) > PIECE_DEG


def parts(*, tolerance_m: float = 0.0, gap_s: float = GAP_S) -> Parts:
    """Segments, thinned where a tolerance is given."""
    return Thinned(tolerance_m, gap_s) if tolerance_m > 0.0 else Segments(gap_s)


def simplified(positions: Sequence[Position], tolerance_m: float) -> list[Position]:
    """The positions that draw the same line to within `tolerance_m`; both ends among them."""
    if len(positions) < 3:
        return list(positions)
    lat = np.array([p.fix.lat for p in positions])
    lon = np.array([p.fix.lon for p in positions])
    middle = positions[len(positions) // 2].fix
    local = Proj(proj="aeqd", lat_0=middle.lat, lon_0=middle.lon, ellps="WGS84")
    x, y = local(lon, lat)
    # The third coordinate does not take part in the thinning: it says which point is left.
    line = shapely.linestrings(np.column_stack((x, y, np.arange(len(positions)))))
    thin = shapely.simplify(line, tolerance_m, preserve_topology=False)
    kept = shapely.get_coordinates(thin, include_z=True)[:, 2].astype(np.int64)
    return [positions[index] for index in kept.tolist()]
