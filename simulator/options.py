"""The options that the commands share, and how their values are read."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import typer

from simulator.errors import UsageError

FARTHEST_NORTH_DEG = 80.0  # beyond it a degree of longitude is too short for a town

DEVICES = "127.0.0.1:9501"
HTTP = "http://127.0.0.1:8080"
LJUBLJANA = "46.0569,14.5058"

To = Annotated[str, typer.Option("--to", help="Where devices report to, HOST:PORT.")]
Tls = Annotated[bool, typer.Option("--tls", help="Devices use TLS.")]
Ca = Annotated[
    Path | None,
    typer.Option(help="PEM file of who signed the server's certificate; else the system's."),
]
Url = Annotated[str, typer.Option(help="The server's address for browsers.")]
Token = Annotated[
    str | None,
    typer.Option(help="Bearer token for REST and the live feed.", envvar="TRACKER_ADMIN_TOKEN"),
]
Protocols = Annotated[
    list[str],
    typer.Option(
        "--protocol", help="A protocol, a comma list or mix; vehicle i gets the i-th in turn."
    ),
]
Vehicles = Annotated[int, typer.Option(help="How many vehicles.", min=1, max=100_000)]
First = Annotated[int, typer.Option(help="Number of the first vehicle: gives its identity.", min=0)]
Seed = Annotated[int, typer.Option(help="The same seed, the same run.")]
Rate = Annotated[float, typer.Option(help="Positions a second of each vehicle.", min=0.001, max=50)]
Around = Annotated[str, typer.Option(help="LAT,LON of the middle of the generated town.")]
Faults = Annotated[
    str,
    typer.Option(
        help="cut, joined, duplicated, late, damaged, silent, stalled-viewers; each =RATE."
    ),
]
Burst = Annotated[bool, typer.Option("--burst", help="All at once instead of spread out.")]
Heartbeat = Annotated[float | None, typer.Option(help="Seconds between heartbeats.", min=1)]
GiveUp = Annotated[
    float | None, typer.Option(help="Seconds without any connection after which to end.", min=0)
]
Count = Annotated[int, typer.Option(help="How many viewers.", min=1, max=100_000)]
Decode = Annotated[int, typer.Option(help="How many viewers decode all that they get.", min=0)]
NoDeflate = Annotated[bool, typer.Option("--no-deflate", help="Do not offer compression.")]
Bbox = Annotated[str | None, typer.Option(help="WEST,SOUTH,EAST,NORTH that the viewers watch.")]
Zoom = Annotated[int, typer.Option(help="Zoom that goes with --bbox.", min=0, max=24)]
Processes = Annotated[
    int, typer.Option(help="Processes beside this one for viewers that do not decode.", min=0)
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")]
Duration = Annotated[float | None, typer.Option(help="Seconds; else for ever.", min=0)]
ViewersCount = Annotated[
    int, typer.Option("--viewers", help="How many viewers.", min=1, max=100_000)
]
RunDuration = Annotated[float, typer.Option(help="Seconds of driving.", min=1)]
LateAfter = Annotated[
    float, typer.Option(help="Seconds from sent to seen that are too many.", min=0)
]
Tracks = Annotated[int, typer.Option(help="Vehicles whose whole track is compared.", min=0)]
SleepWhenParked = Annotated[
    bool, typer.Option("--sleep-when-parked", help="Parked devices report seldom.")
]

# Of replays.
Files = Annotated[list[str], typer.Argument(help="GPX, CSV or NMEA; or a bundled trip's name.")]
Speed = Annotated[float, typer.Option(help="So many times faster.", min=0.01, max=1000)]
Loop = Annotated[bool, typer.Option("--loop", help="Again and again.")]
KeepTime = Annotated[
    bool, typer.Option("--keep-time", help="State the recorded times, not those of sending.")
]
Interpolate = Annotated[
    float | None, typer.Option(help="Fill in points at so many Hz.", min=0.01, max=50)
]
AssumeSpeed = Annotated[float | None, typer.Option(help="km/h, for a GPX without times.", min=0.1)]
SkipGaps = Annotated[
    float | None, typer.Option(help="Shorten recorded pauses to so many seconds.", min=0)
]
Columns = Annotated[
    str, typer.Option(help="Headings of a CSV: time=…,lat=…,lon=…,vehicle=…,speed=…,…")
]
SpeedUnit = Annotated[str, typer.Option(help="Of a CSV: kmh, ms, knots or mph.")]
Delimiter = Annotated[str | None, typer.Option(help="Of a CSV.")]
TimeFormat = Annotated[str | None, typer.Option(help="Of a CSV, as strptime.")]
Ident = Annotated[
    list[str] | None, typer.Option(help="Identity of a vehicle; once for each, in order.")
]


def parse_place(text: str) -> tuple[float, float]:
    """LAT,LON in degrees. Raises UsageError."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--around: {text!r} is not LAT,LON") from None
    if not (abs(lat) <= FARTHEST_NORTH_DEG and abs(lon) <= 180.0):
        raise UsageError(f"--around: {text} does not lie within ±{FARTHEST_NORTH_DEG:g},±180")
    return lat, lon


def parse_tls(wanted: bool, ca: Path | None) -> ssl.SSLContext | None:
    """How devices use TLS, if they do. Raises UsageError."""
    if ca is not None and not wanted:
        raise UsageError("--ca: is of no use without --tls")
    if not wanted:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise UsageError(f"--ca: {ca}: {error.strerror or error}") from None


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """WEST,SOUTH,EAST,NORTH in degrees. Raises UsageError."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--bbox: {text!r} is not WEST,SOUTH,EAST,NORTH") from None
    return west, south, east, north


def parse_url(text: str) -> str:
    """http://HOST[:PORT] or https://…, without a slash at the end. Raises UsageError."""
    scheme, separator, rest = text.rstrip("/").partition("://")
    if scheme not in {"http", "https"} or not separator or not rest:
        raise UsageError(f"--url: {text!r} is not http://HOST:PORT")
    return f"{scheme}://{rest}"
