"""GPX 1.1: a track, its segments, and for each point what GPX has an element for.

https://www.topografix.com/GPX/1/1/ gives the order of the elements of a point: ele, time, fix, sat,
extensions. Speed and course stand in Garmin's TrackPointExtension v2, which most programs read, in
m/s and degrees; what has no element anywhere, and the speed to its last digit, stands in our own
namespace. Longitudes end below 180 there, so 180 is written as -180.
"""

from __future__ import annotations

from tracker.history.exports.text import decimal, known, utc, xml
from tracker.history.track import Part
from tracker.model import Fix, Vehicle

GPX = "http://www.topografix.com/GPX/1/1"
GARMIN = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"
OWN = "urn:tracker:position:1"

_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="tracker" xmlns="{GPX}" xmlns:g="{GARMIN}" xmlns:t="{OWN}"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:schemaLocation="{GPX} {GPX}/gpx.xsd {GARMIN} {GARMIN.replace("/v2", "v2")}.xsd">
<trk><name>%s</name><desc>%s</desc>
"""


class GpxWriter:
    """A track of one vehicle."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self._open = False

    def begin(self) -> bytes:
        """The head of the file."""
        return (_HEAD % (xml(self._vehicle.name), xml(self._vehicle.device))).encode()

    def add(self, part: Part) -> bytes:
        """Points, and the borders of their segment."""
        border = ""
        if part.opens or not self._open:
            border = "</trkseg>\n<trkseg>\n" if self._open else "<trkseg>\n"
            self._open = True
        return (border + "".join(_point(position.fix) for position in part.positions)).encode()

    def end(self) -> bytes:
        """The foot of the file."""
        return (b"</trkseg>\n" if self._open else b"") + b"</trk></gpx>\n"


def _point(fix: Fix) -> str:
    lon = -180.0 if fix.lon >= 180.0 else fix.lon
    parts = [f'<trkpt lat="{decimal(fix.lat)}" lon="{decimal(lon)}">']
    if fix.altitude_m is not None and known(fix.altitude_m):
        parts.append(f"<ele>{decimal(fix.altitude_m)}</ele>")
    parts.append(f"<time>{utc(fix.fix_time)}</time>")
    if fix.satellites is not None:
        parts.append(f"<sat>{fix.satellites}</sat>")
    parts.append(_extensions(fix))
    parts.append("</trkpt>\n")
    return "".join(parts)


def _extensions(fix: Fix) -> str:
    garmin, own = "", ""
    if fix.speed_kmh is not None:
        garmin += f"<g:speed>{decimal(round(fix.speed_kmh / 3.6, 3))}</g:speed>"
        own += f"<t:speed_kmh>{decimal(fix.speed_kmh)}</t:speed_kmh>"
    if fix.course_deg is not None:
        garmin += f"<g:course>{decimal(fix.course_deg)}</g:course>"
    if fix.ignition is not None:
        own += f"<t:ignition>{'true' if fix.ignition else 'false'}</t:ignition>"
    own += "".join(f"<t:alarm>{xml(name)}</t:alarm>" for name in fix.alarms)
    if garmin:
        garmin = f"<g:TrackPointExtension>{garmin}</g:TrackPointExtension>"
    return f"<extensions>{garmin}{own}</extensions>" if garmin or own else ""
