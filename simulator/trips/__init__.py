"""Recorded trips: the readers by kind of file, and the trips that come with the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from simulator.errors import TripError
from simulator.model import Trip
from simulator.trips.gpx import read_gpx
from simulator.trips.nmea import read_nmea
from simulator.trips.prepare import assume_speed, fill_in, interpolate, shorten_gaps
from simulator.trips.table import USUAL_LAYOUT, Layout, read_table

BUNDLED_KINDS = (".gpx", ".csv", ".nmea")


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read and prepare recorded trips."""

    layout: Layout = USUAL_LAYOUT
    assume_speed_kmh: float | None = None  # None: a recording must have times
    longest_gap_s: float | None = None  # None: pauses are kept as recorded
    interpolate_hz: float | None = None  # None: only recorded points are sent


def bundled() -> dict[str, Path]:
    """The simulator's own trips: name -> file."""
    folder = Path(str(files(__name__)))
    return {path.name: path for path in sorted(folder.iterdir()) if path.suffix in BUNDLED_KINDS}


def load(names: Sequence[str], reading: Reading) -> list[Trip]:
    """The prepared trips of all files, one per vehicle; a bundled trip may go by its name.

    Raises TripError, naming the file.
    """
    return [_prepared(trip, reading) for name in names for trip in _read(name, reading)]


def _read(name: str, reading: Reading) -> list[Trip]:
    path = Path(name)
    if not path.exists():
        path = bundled().get(name, path)
    if not path.is_file():
        raise TripError(f"{name}: no such file (`simulator trips` lists the bundled ones)")
    try:
        if path.suffix.lower() == ".gpx":
            return [read_gpx(path, assume_times=reading.assume_speed_kmh is not None)]
        if path.suffix.lower() in {".csv", ".tsv"}:
            return read_table(path, reading.layout)
        if path.suffix.lower() in {".nmea", ".nme", ".log", ".txt"}:
            return [read_nmea(path)]
    except OSError as error:
        raise TripError(f"{path}: {error.strerror}") from error
    raise TripError(f"{path}: which kind is it? known are .gpx, .csv, .tsv, .nmea, .log and .txt")


def _prepared(trip: Trip, reading: Reading) -> Trip:
    if reading.assume_speed_kmh is not None and trip.points[0].time is None:
        trip = assume_speed(trip, reading.assume_speed_kmh)
    if reading.longest_gap_s is not None:
        trip = shorten_gaps(trip, reading.longest_gap_s)
    if reading.interpolate_hz is not None:
        trip = interpolate(trip, reading.interpolate_hz)
    return fill_in(trip)
