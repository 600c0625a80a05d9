"""The account of one import: what was taken, what was there already, what was wrong and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tracker.history.imports.points import RawPoint, fix_of
from tracker.model import Fix, Position

MAX_ERRORS = 20  # that an answer lists: who has more wants to mend the file, not to read them all

Place = tuple[int, float, float]  # (time_us, lat, lon): what makes two positions the same


@dataclass(slots=True)
class Account:
    """Grows with each batch. `sequence` is the one of the last position that was made."""

    vehicle_id: str
    now: float
    latest_time: float  # of a fix that is believed
    sequence: int
    points: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    first_time: float | None = None
    last_time: float | None = None
    errors: list[dict[str, int | str]] = field(default_factory=list)

    def fixes(self, points: Iterable[RawPoint]) -> list[Fix]:
        """The fixes that points say; what is wrong with others is noted by its line."""
        fixes: list[Fix] = []
        for point in points:
            self.points += 1
            try:
                fixes.append(fix_of(point, self.latest_time))
            except ValueError as exc:
                self.rejected += 1
                if len(self.errors) < MAX_ERRORS:
                    self.errors.append({"line": point.line, "error": str(exc)})
        return fixes

    def positions(self, fixes: Iterable[Fix], known: set[Place]) -> list[Position]:
        """Positions of the fixes whose moment and place are not known; they are from now on."""
        positions: list[Position] = []
        for fix in fixes:
            place = place_of(fix)
            if place in known:
                self.duplicates += 1
                continue
            known.add(place)
            self.sequence += 1
            positions.append(Position(self.vehicle_id, fix, self.now, self.sequence))
            time = fix.fix_time
            self.first_time = time if self.first_time is None else min(self.first_time, time)
            self.last_time = time if self.last_time is None else max(self.last_time, time)
        return positions


def place_of(fix: Fix) -> Place:
    """When and where: the moment to the microsecond, as it is stored."""
    return round(fix.fix_time * 1_000_000), fix.lat, fix.lon
