"""Areas on the map: boxes, circles and GeoJSON polygons, each in a plane where it is a flat shape.

A box and a polygon are shapes of straight lines in longitude and latitude, as RFC 7946 has it;
their plane is that of the degrees, with longitudes unrolled around the area, so that the
antimeridian is a place like any other. A circle lives in the azimuthal equidistant projection
around its centre, where it is one: every distance from there is a geodesic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import Proj
from shapely.geometry.base import BaseGeometry

from tracker.errors import RequestError
from tracker.geo import FloatArray

MAX_VERTICES = 5_000  # of a polygon: the outline of a province; more is not drawn by a dispatcher
MAX_RADIUS_M = 500_000.0
_CIRCLE_QUADRANT = 64  # segments: the polygon is inside the circle by at most 0.008 % of the radius

Project = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
Box = tuple[
    float, float, float, float
]  # west, south, east, north; west > east: over the antimeridian


@dataclass(frozen=True, slots=True)
class Area:
    """A shape in its plane, the way of (lat, lon) arrays into that plane, and a box around it."""

    shape: BaseGeometry
    project: Project
    box: Box
    in_degrees: bool = True  # the plane is one of degrees, torn opposite the area


def _unrolled(middle: float) -> Project:
    """(lon, lat) with longitudes within 180 degrees of `middle`."""

    def project(lat: FloatArray, lon: FloatArray) -> tuple[FloatArray, FloatArray]:
        return middle + (lon - middle + 180.0) % 360.0 - 180.0, lat

    return project


def box_area(box: Box) -> Area:
    """The area of a bounding box; west > east crosses the antimeridian."""
    west, south, east, north = box
    width = east - west if east >= west else east - west + 360.0
    shape = shapely.box(west, south, west + width, north)
    return Area(shape, _unrolled(west + width / 2.0), box)


def circle_area(lat: float, lon: float, radius_m: float) -> Area:
    """The area within `radius_m` of a point, by geodesic. Raises RequestError."""
    if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
        raise RequestError("circle: its centre is not on the globe", value=(lat, lon))
    if not 0.0 < radius_m <= MAX_RADIUS_M:
        raise RequestError(
            f"circle: the radius must be above 0 and at most {MAX_RADIUS_M:.0f} m", value=radius_m
        )
    plane = Proj(proj="aeqd", lat_0=lat, lon_0=lon, ellps="WGS84")

    def project(lats: FloatArray, lons: FloatArray) -> tuple[FloatArray, FloatArray]:
        x, y = plane(lons, lats)
        return x, y

    shape = shapely.Point(0.0, 0.0).buffer(radius_m, quad_segs=_CIRCLE_QUADRANT)
    return Area(shape, project, _circle_box(lat, lon, radius_m), in_degrees=False)


def _circle_box(lat: float, lon: float, radius_m: float) -> Box:
    """A box that holds the circle; all longitudes where it comes near a pole."""
    reach = math.degrees(
        radius_m / 6_300_000.0
    )  # a little less than the smallest radius of curvature
    south, north = max(lat - reach, -90.0), min(lat + reach, 90.0)
    widest = math.cos(math.radians(max(abs(south), abs(north))))
    if widest <= 0.0 or reach / widest >= 180.0:
        return -180.0, south, 180.0, north
    west, east = lon - reach / widest, lon + reach / widest
    return _rolled(west), south, _rolled(east), north


def _rolled(lon: float) -> float:
    return (lon + 180.0) % 360.0 - 180.0


def polygon_area(data: Any) -> Area:
    """The area of a GeoJSON Polygon or MultiPolygon, or of a Feature of one. Raises RequestError.

    Edges go where their coordinates say: over the antimeridian with longitudes beyond 180 degrees,
    or in two polygons that meet there.
    """
    if isinstance(data, dict) and data.get("type") == "Feature":
        data = data.get("geometry")
    if not isinstance(data, dict) or data.get("type") not in ("Polygon", "MultiPolygon"):
        raise RequestError("area: must be a GeoJSON Polygon or MultiPolygon")
    coordinates: Any = data.get("coordinates")
    polygons = [coordinates] if data["type"] == "Polygon" else coordinates
    try:
        parts = [_polygon(polygon) for polygon in polygons]
        middle = parts[0].centroid.x
    except (TypeError, ValueError, IndexError, KeyError):
        raise RequestError(
            "area: its coordinates must be rings of [longitude, latitude] that end where they begin"
        ) from None
    if sum(shapely.get_num_coordinates(part) for part in parts) > MAX_VERTICES:
        raise RequestError(f"area: must have at most {MAX_VERTICES} vertices")
    for part in parts:
        if not part.is_valid or part.is_empty:
            raise RequestError(f"area: is not valid: {shapely.is_valid_reason(part)}")
    shape = shapely.union_all([_beside(part, middle) for part in parts])
    west, south, east, north = shape.bounds
    box = (-180.0, south, 180.0, north)
    if east - west < 360.0:
        box = (_rolled(west), south, _rolled(east), north)
    return Area(shape, _unrolled((west + east) / 2.0), box)


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> BaseGeometry:
    outer, *holes = (_ring(ring) for ring in rings)
    return shapely.Polygon(outer, holes)


def _ring(ring: Sequence[Sequence[float]]) -> FloatArray:
    if not 4 <= len(ring) <= MAX_VERTICES:
        raise ValueError("not a ring")
    points = np.array([(float(point[0]), float(point[1])) for point in ring])
    if not np.array_equal(points[0], points[-1]):
        raise ValueError("not closed")
    if not ((np.abs(points[:, 1]) <= 90.0) & (np.abs(points[:, 0]) <= 540.0)).all():
        raise ValueError("not on the globe")
    return points


def _beside(part: BaseGeometry, middle: float) -> BaseGeometry:
    """The same polygon so many times around the globe that it lies nearest to `middle`."""
    turns = round((middle - part.centroid.x) / 360.0)
    if not turns:
        return part
    return shapely.transform(part, lambda points: points + np.array([360.0 * turns, 0.0]))


def boxes(box: Box) -> list[Box]:
    """The same box as one or two that do not cross the antimeridian."""
    west, south, east, north = box
    if west <= east:
        return [box]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def touches(box: Box, extent: Box) -> bool:
    """Whether two boxes have anything in common."""
    return any(
        mine[0] <= other[2] and other[0] <= mine[2] and mine[1] <= other[3] and other[1] <= mine[3]
        for mine in boxes(box)
        for other in boxes(extent)
    )
