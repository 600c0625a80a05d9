"""Composes the bundled trips: invented ways, driven by the simulator's own motion.

Nobody's real journeys. `python -m simulator.trips.compose FOLDER` writes the three files again, the
same byte for byte; a test holds them to that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from simulator.geodesy import Plane
from simulator.model import Fix
from simulator.motion.leg import Leg, Style
from simulator.motion.path import draw
from simulator.motion.vehicle import METRES_PER_DEGREE, Noise, altitude_m
from simulator.protocols.checks import xor8
from simulator.seeds import stream

Metres = tuple[float, float]  # east and north of the trip's place
KNOT_KMH = 1.852
GPX = "http://www.topografix.com/GPX/1/1"
METRES_PER_LON_DEGREE = 77_300.0  # at 46° north, where all three trips are

BRISK = Style()
CAUTIOUS = Style(1.2, 1.6, 0.92)
BUS = Style(0.9, 1.1, 0.95)


@dataclass(frozen=True, slots=True)
class Drive:
    """Along `points` from the first to the last, then a rest there."""

    points: Sequence[Metres]
    limit_kmh: float
    stops_s: Mapping[int, float] = field(default_factory=dict)  # index of a point -> seconds
    rest_s: float = 0.0
    rest_ignition: bool = False
    style: Style = BRISK


def sample(place: Plane, drives: Sequence[Drive], every_s: int, seed: int) -> Iterator[Fix]:
    """A fix every so many seconds, from second 0 to the end of the last rest."""
    noise = Noise(stream(seed, "compose"))
    t, start = 0, 0.0
    for drive in drives:
        limits = [drive.limit_kmh] * (len(drive.points) - 1)
        leg = Leg(draw(drive.points, limits), drive.stops_s, drive.style, place)
        parked_at = start + leg.duration_s
        while t < parked_at + drive.rest_s:
            moment, parked = leg.at(t - start), t >= parked_at and not drive.rest_ignition
            east_m, north_m = noise.at(parked_at if parked else t)
            yield Fix(
                float(t),
                moment.lat + north_m / METRES_PER_DEGREE,
                moment.lon + east_m / METRES_PER_LON_DEGREE,
                moment.speed_ms * 3.6,
                moment.course_deg,
                altitude_m(moment.lat, moment.lon),
                ignition=not parked,
            )
            t += every_s
        start = parked_at + drive.rest_s


# A car in town: out to a shop, a short stop, home by another way.
TOWN_PLACE, TOWN_START = Plane(46.0569, 14.5058), datetime(2025, 6, 10, 7, 12, tzinfo=UTC)
TO_SHOP: Sequence[Metres] = (
    (0, 0), (35, 160), (42, 330), (190, 345), (360, 352), (372, 520), (395, 700), (540, 745),
    (720, 770), (905, 762), (915, 900), (990, 1015),
)  # fmt: skip
FROM_SHOP: Sequence[Metres] = (
    (990, 1015), (880, 1090), (690, 1075), (480, 1040), (300, 985), (150, 930), (120, 740),
    (60, 540), (42, 330), (35, 160), (0, 0),
)  # fmt: skip
TOWN_DRIVES = (
    Drive(TO_SHOP, 50.0, {4: 22.0, 7: 9.0, 9: 14.0}, rest_s=75.0),
    Drive(FROM_SHOP, 50.0, {2: 17.0, 6: 6.0}, rest_s=30.0, style=Style(1.5, 1.9, 0.96)),
)

# Country roads: two vans that deliver, in opposite directions, and a tractor between fields.
COUNTRY_PLACE, COUNTRY_START = Plane(45.9320, 14.6610), datetime(2025, 6, 11, 9, 30, tzinfo=UTC)
ROAD: Sequence[Metres] = (
    (0, 0), (240, 90), (520, 130), (790, 60), (1080, -90), (1370, -110), (1650, 20), (1890, 230),
    (2180, 330), (2500, 300), (2810, 180), (3120, 190), (3390, 360), (3560, 620), (3790, 850),
    (4110, 930), (4430, 880), (4720, 960), (4930, 1190), (5200, 1340),
)  # fmt: skip
FIELDS: Sequence[Metres] = ((1650, 20), (1580, 240), (1610, 470), (1760, 640), (1990, 700))
VAN_1 = (
    Drive(ROAD[:8], 80.0, rest_s=70.0),
    Drive(ROAD[7:13], 80.0, rest_s=95.0, style=CAUTIOUS),
    Drive(ROAD[12:], 80.0, rest_s=60.0),
    Drive(ROAD[::-1], 80.0, {9: 8.0}, rest_s=45.0),
)
VAN_2 = (
    Drive(ROAD[:9:-1], 70.0, rest_s=120.0, style=CAUTIOUS),
    Drive(ROAD[10:3:-1], 70.0, rest_s=40.0, rest_ignition=True, style=CAUTIOUS),
    Drive(ROAD[4:], 70.0, rest_s=60.0, style=CAUTIOUS),
)
TRACTOR = (
    Drive(FIELDS, 28.0, rest_s=150.0, rest_ignition=True, style=BUS),
    Drive(FIELDS[::-1], 28.0, rest_s=90.0, style=BUS),
)

# A bus line: seven stops out, the same back, the engine running throughout.
BUS_PLACE, BUS_START = Plane(46.0810, 14.4720), datetime(2025, 6, 12, 14, 5, tzinfo=UTC)
LINE: Sequence[Metres] = (
    (0, 0), (180, -40), (390, -75), (600, -60), (780, 40), (930, 190), (1120, 260), (1340, 250),
    (1530, 330), (1650, 500), (1700, 700),
)  # fmt: skip
BUS_DRIVES = (
    Drive(LINE, 50.0, {2: 16.0, 4: 21.0, 6: 13.0, 8: 25.0}, 60.0, True, BUS),
    Drive(LINE[::-1], 50.0, {2: 14.0, 4: 19.0, 6: 28.0, 8: 12.0}, 20.0, True, BUS),
)


def town_car_gpx() -> str:
    """GPX 1.1, a point every 2 s, speed and ignition as extensions."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<gpx version="1.1" creator="simulator" xmlns="{GPX}" xmlns:v="urn:simulator:vehicle">',
        "<metadata><name>Town car</name></metadata>",
        "<trk><name>To the shop and back</name><trkseg>",
    ]
    lines += [
        f'<trkpt lat="{fix.lat:.6f}" lon="{fix.lon:.6f}"><ele>{fix.altitude_m:.1f}</ele>'
        f"<time>{_moment(TOWN_START, fix):%Y-%m-%dT%H:%M:%SZ}</time><extensions>"
        f"<v:speed>{fix.speed_kmh / 3.6:.2f}</v:speed>"
        f"<v:ignition>{fix.ignition:d}</v:ignition></extensions></trkpt>"
        for fix in sample(TOWN_PLACE, TOWN_DRIVES, 2, 1)
    ]
    return "\n".join([*lines, "</trkseg></trk>", "</gpx>", ""])


def country_vans_csv() -> str:
    """CSV, three vehicles, a row every 5 s, in order of time."""
    rows = [
        (fix.fix_time, name, fix)
        for seed, (name, drives) in enumerate(
            (("Van 1", VAN_1), ("Van 2", VAN_2), ("Tractor", TRACTOR))
        )
        for fix in sample(COUNTRY_PLACE, drives, 5, 10 + seed)
    ]
    lines = ["time,vehicle,lat,lon,speed_kmh,course,altitude,ignition"]
    lines += [
        f"{_moment(COUNTRY_START, fix):%Y-%m-%dT%H:%M:%SZ},{name},{fix.lat:.6f},{fix.lon:.6f},"
        f"{fix.speed_kmh:.1f},{fix.course_deg:.0f},{fix.altitude_m:.0f},{fix.ignition:d}"
        for _, name, fix in sorted(rows, key=lambda row: row[0])
    ]
    return "\n".join([*lines, ""])


def bus_line_nmea() -> str:
    """NMEA 0183, RMC and GGA every second."""
    lines: list[str] = []
    for fix in sample(BUS_PLACE, BUS_DRIVES, 1, 20):
        moment = _moment(BUS_START, fix)
        place = f"{_minutes(fix.lat, 2)},N,{_minutes(fix.lon, 3)},E"
        lines.append(
            _sentence(
                f"GPRMC,{moment:%H%M%S}.00,A,{place},{fix.speed_kmh / KNOT_KMH:.2f},"
                f"{fix.course_deg:.1f},{moment:%d%m%y},,,A"
            )
        )
        lines.append(
            _sentence(
                f"GPGGA,{moment:%H%M%S}.00,{place},1,{fix.satellites:02d},0.9,"
                f"{fix.altitude_m:.1f},M,44.0,M,,"
            )
        )
    return "\r\n".join([*lines, ""])


FILES = {
    "town-car.gpx": town_car_gpx,
    "country-vans.csv": country_vans_csv,
    "bus-line.nmea": bus_line_nmea,
}


def _moment(start: datetime, fix: Fix) -> datetime:
    return datetime.fromtimestamp(start.timestamp() + fix.fix_time, UTC)


def _minutes(degrees: float, digits: int) -> str:
    """ddmm.mmmmm: whole degrees and minutes to five places (2 cm)."""
    hundred_thousandths = round(degrees * 60.0 * 1e5)
    whole, minutes = divmod(hundred_thousandths, 60 * 100_000)
    return f"{whole:0{digits}d}{minutes / 1e5:08.5f}"


def _sentence(body: str) -> str:
    return f"${body}*{xor8(body.encode('ascii')):02X}"


def main(folder: Path) -> None:
    """Write the three files."""
    for name, compose in FILES.items():
        (folder / name).write_bytes(compose().encode("ascii"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
