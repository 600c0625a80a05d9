"""Distances, courses and points on the WGS-84 ellipsoid, and a flat map for generated streets."""

from __future__ import annotations

import math

from pyproj import Geod

GEOD = Geod(ellps="WGS84")

EQUATOR_M = 6_378_137.0  # semi-major axis of WGS-84
ECCENTRICITY_SQUARED = 0.006_694_379_990_14  # first eccentricity squared of WGS-84


def distance_and_course(lat: float, lon: float, lat_2: float, lon_2: float) -> tuple[float, float]:
    """Metres along the geodesic to the second point, and the course (0..360) at the first."""
    azimuth, _, distance_m = GEOD.inv(lon, lat, lon_2, lat_2)
    return float(distance_m), float(azimuth) % 360.0


def between(
    lat: float, lon: float, lat_2: float, lon_2: float, fraction: float
) -> tuple[float, float]:
    """The point at `fraction` (0..1) of the geodesic from the first point to the second."""
    azimuth, _, distance_m = GEOD.inv(lon, lat, lon_2, lat_2)
    lon_between, lat_between, _ = GEOD.fwd(lon, lat, azimuth, distance_m * fraction)
    return float(lat_between), float(lon_between)


class Plane:
    """Metres east and north of a place, for a few kilometres around it.

    The sinusoidal projection: lengths along parallels are exact, those along meridians slanted by
    less than 1e-5 within 10 km, so that a speed on the plane is the speed on the ellipsoid.
    """

    __slots__ = ("_metres_per_degree_lat", "lat", "lon")

    def __init__(self, lat: float, lon: float) -> None:
        self.lat = lat
        self.lon = lon
        # Radius of curvature in the meridian, a(1-e²)/(1-e² sin²φ)^1.5.
        denominator = 1.0 - ECCENTRICITY_SQUARED * math.sin(math.radians(lat)) ** 2
        meridian_m = EQUATOR_M * (1.0 - ECCENTRICITY_SQUARED) / denominator**1.5
        self._metres_per_degree_lat = math.radians(meridian_m)

    def degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude and longitude of a point of the plane; beyond ±180 near the antimeridian."""
        lat = self.lat + north_m / self._metres_per_degree_lat
        sin_lat = math.sin(math.radians(lat))
        # Radius of the parallel, N(φ) cos φ.
        parallel_m = EQUATOR_M * math.cos(math.radians(lat))
        parallel_m /= math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat**2)
        lon = self.lon + math.degrees(east_m / parallel_m)
        return lat, lon
