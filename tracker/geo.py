"""Geodesy on WGS-84: distances, bearings, map cells and the Chinese datums.

Angles are degrees, distances metres, on the WGS-84 ellipsoid by pyproj's Geod (Karney 2013).
Cells are web-mercator tiles (x to the east, y to the south), as in map tile addresses.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pyproj import Geod

_GEOD = Geod(ellps="WGS84")
MERCATOR_LIMIT_DEG = 85.0511287798066  # where the square mercator map ends: atan(sinh(pi))

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Geodesic distance between two points."""
    return float(_GEOD.inv(lon1, lat1, lon2, lat2)[2])


def bearing_deg(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Initial bearing from the first point to the second, 0 to 360 clockwise from north."""
    return float(_GEOD.inv(lon1, lat1, lon2, lat2)[0]) % 360.0


def cell_xy(lat: FloatArray, lon: FloatArray, level: int) -> tuple[IntArray, IntArray]:
    """Tile numbers of many points at a level; points beyond the map fall into its edge tiles.

    The spherical mercator of map tiles: x = (lon + 180) / 360, y = (1 - asinh(tan lat) / pi) / 2,
    both times 2**level.
    """
    count = 1 << level
    phi = np.radians(np.clip(lat, -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    x = np.floor((lon + 180.0) / 360.0 * count).astype(np.int64)
    y = np.floor((1.0 - np.arcsinh(np.tan(phi)) / math.pi) / 2.0 * count).astype(np.int64)
    return np.clip(x, 0, count - 1), np.clip(y, 0, count - 1)


# GCJ-02, the shifted datum of maps published in mainland China. There is no official text; the
# series below is the one that all open implementations share (Krasovsky 1940 ellipsoid).
_GCJ_A = 6378245.0
_GCJ_EE = 0.00669342162296594323
_BD_TURN = math.pi * 3000.0 / 180.0


def _outside_china(lat: float, lon: float) -> bool:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


def _waves(value: float, *terms: tuple[float, float]) -> float:
    return sum(amount * math.sin(value * factor * math.pi) for amount, factor in terms) * 2 / 3


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) in GCJ-02; the identity outside the box that the datum is used in."""
    if _outside_china(lat, lon):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    common = _waves(x, (20.0, 6.0), (20.0, 2.0))
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    d_lat += common + _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    d_lon += common + _waves(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
    phi = math.radians(lat)
    magic = 1.0 - _GCJ_EE * math.sin(phi) ** 2
    meridian = _GCJ_A * (1.0 - _GCJ_EE) / magic**1.5
    parallel = _GCJ_A / math.sqrt(magic) * math.cos(phi)
    return lat + math.degrees(d_lat / meridian), lon + math.degrees(d_lon / parallel)


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """The inverse, by fixed-point iteration to below a centimetre."""
    guess_lat, guess_lon = lat, lon
    for _ in range(8):  # contracts by about 1e-3 a step; three suffice, the rest is margin
        there_lat, there_lon = wgs84_to_gcj02(guess_lat, guess_lon)
        off_lat, off_lon = there_lat - lat, there_lon - lon
        guess_lat, guess_lon = guess_lat - off_lat, guess_lon - off_lon
        if abs(off_lat) < 1e-9 and abs(off_lon) < 1e-9:
            break
    return guess_lat, guess_lon


def bd09_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) in WGS-84 of a point in BD-09, the datum of one Chinese map maker."""
    x, y = lon - 0.0065, lat - 0.006
    radius = math.hypot(x, y) - 0.00002 * math.sin(y * _BD_TURN)
    angle = math.atan2(y, x) - 0.000003 * math.cos(x * _BD_TURN)
    return gcj02_to_wgs84(radius * math.sin(angle), radius * math.cos(angle))


TO_WGS84 = {"gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}
