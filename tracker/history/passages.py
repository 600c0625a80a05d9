"""Who passed here: when a vehicle was inside an area.

A vehicle passes when a fix of it lies inside, or the line between two of its fixes crosses the
area; between two fixes it moves evenly along a straight line of the area's plane. Over a gap there
is no line: what was inside before and after it is taken to have stayed, what was inside on one side
only was there for as long as it was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from tracker.history.areas import Area
from tracker.history.track import GAP_S
from tracker.model import Position

_TOUCH = 1e-9  # of a hop: what is nearer to one of its ends is at that end


@dataclass(slots=True)
class Visit:
    """From entering an area to leaving it.

    `entered`, `left`: whether it was seen to; otherwise it was inside already when the window or
    the data began, or still when they ended. `silent_s` of the time nothing was heard.
    """

    enter_time: float
    exit_time: float
    entered: bool
    left: bool
    silent_s: float = 0.0


class Passages:
    """Positions of one vehicle in order go in, its visits come out."""

    def __init__(self, area: Area, gap_s: float = GAP_S) -> None:
        self._area = area
        self._gap_s = gap_s
        self._last: Position | None = None
        self._visit: Visit | None = None
        shapely.prepare(area.shape)

    def add(self, positions: Iterable[Position]) -> list[Visit]:
        """Take a page; the visits that ended in it."""
        page = [position for position in positions if position.fix.valid]
        if not page:
            return []
        chain = page if self._last is None else [self._last, *page]
        time = [position.fix.fix_time for position in chain]
        x, y = self._area.project(
            np.array([position.fix.lat for position in chain]),
            np.array([position.fix.lon for position in chain]),
        )
        inside = shapely.intersects_xy(self._area.shape, x, y)
        if self._last is None and inside[0]:
            self._visit = Visit(time[0], time[0], entered=False, left=False)
        self._last = chain[-1]
        west, south, east, north = self._area.shape.bounds
        near = (np.minimum(x[:-1], x[1:]) <= east) & (np.maximum(x[:-1], x[1:]) >= west)
        near &= (np.minimum(y[:-1], y[1:]) <= north) & (np.maximum(y[:-1], y[1:]) >= south)
        at = np.flatnonzero(near)
        if not len(at):
            return []
        ends = np.stack(
            (np.column_stack((x[at], y[at])), np.column_stack((x[at + 1], y[at + 1]))), 1
        )
        both = inside[at] & inside[at + 1]
        lines = np.asarray(shapely.linestrings(ends))
        stays = both & (shapely.covers(self._area.shape, lines) | (ends[:, 0] == ends[:, 1]).all(1))
        visits: list[Visit] = []
        for number, index in enumerate(at.tolist()):
            start, end = time[index], time[index + 1]
            if stays[number] and end - start <= self._gap_s and self._visit is not None:
                self._visit.exit_time = end
            elif end - start > self._gap_s or self._seam(ends[number]):
                visits += self._silence(start, end, bool(inside[index]), bool(inside[index + 1]))
            else:
                visits += self._cross(start, end, lines[number])
        return visits

    def end(self) -> list[Visit]:
        """The visit that has not ended."""
        visit, self._visit = self._visit, None
        return [] if visit is None else [visit]

    def _seam(self, ends: npt.NDArray[np.float64]) -> bool:
        """Whether a hop goes over the far side of a plane of degrees, where it is torn."""
        return self._area.in_degrees and bool(abs(ends[1, 0] - ends[0, 0]) > 180.0)

    def _silence(self, start: float, end: float, before: bool, after: bool) -> list[Visit]:
        visit = self._visit
        if visit is not None and before and after:
            visit.exit_time = end
            visit.silent_s += end - start if end - start > self._gap_s else 0.0
            return []
        self._visit = Visit(end, end, entered=False, left=False) if after else None
        return [] if visit is None else [visit]

    def _cross(self, start: float, end: float, line: BaseGeometry) -> list[Visit]:
        """A hop that enters or leaves, perhaps more than once."""
        visits: list[Visit] = []
        for first, last in _shares(line, shapely.intersection(line, self._area.shape)):
            enter, leave = start + first * (end - start), start + last * (end - start)
            visit = self._visit
            if visit is None or first > _TOUCH:
                visits += self._close()
                visit = self._visit = Visit(enter, leave, entered=True, left=False)
            visit.exit_time = leave
            if last < 1.0 - _TOUCH:
                visits += self._close()
        if self._visit is not None and self._visit.exit_time < end:
            visits += self._close()
        return visits

    def _close(self) -> list[Visit]:
        visit, self._visit = self._visit, None
        if visit is None:
            return []
        visit.left = True
        return [visit]


def _shares(line: BaseGeometry, common: BaseGeometry) -> list[tuple[float, float]]:
    """Where along a line its common parts with an area begin and end, as shares of it."""
    (x0, y0), (x1, y1) = shapely.get_coordinates(line)
    along = np.array([x1 - x0, y1 - y0])
    length2 = float(along @ along)
    shares: list[tuple[float, float]] = []
    for part in shapely.get_parts(common):
        points = shapely.get_coordinates(part)
        if not len(points):
            continue
        if not length2:
            return [(0.0, 1.0)]
        share = np.clip((points - (x0, y0)) @ along / length2, 0.0, 1.0)
        shares.append((float(share.min()), float(share.max())))
    joined: list[tuple[float, float]] = []
    for first, last in sorted(shares):
        if joined and first <= joined[-1][1] + _TOUCH:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def within(visits: Iterable[Visit], from_time: float, to_time: float) -> list[Visit]:
    """The visits as far as they lie in a window."""
    shown: list[Visit] = []
    for visit in visits:
        if visit.exit_time < from_time or visit.enter_time > to_time:
            continue
        if visit.enter_time < from_time:
            visit.enter_time, visit.entered = from_time, False
        if visit.exit_time > to_time:
            visit.exit_time, visit.left = to_time, False
        shown.append(visit)
    return shown
