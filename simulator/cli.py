"""The command line: replay, fleet, viewers, run, trips, idents. Errors are one line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import orjson
import typer
import uvloop
from rich.console import Console

from simulator.crowd import CrowdPlan
from simulator.driver import allow_files, assign, parse_target
from simulator.errors import SimulatorError, UsageError
from simulator.faults import parse_faults
from simulator.play import Line, play, town_vehicles
from simulator.protocols import families
from simulator.report import driven_line, print_outcome
from simulator.reports import Pace, Playback, fleet_reports, trip_reports
from simulator.run import RunPlan, run
from simulator.trips import Reading, bundled, load
from simulator.trips.prepare import check_kept_times
from simulator.trips.table import parse_layout
from simulator.watch import watch

FIRST_REPLAYED = 900_001  # numbers of replayed vehicles, clear of any fleet's
FARTHEST_NORTH_DEG = 80.0  # beyond it a degree of longitude is too short for a town

app = typer.Typer(
    name="simulator",
    help="Simulated trackers and viewers for a vehicle tracking server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

To = Annotated[str, typer.Option("--to", help="Where devices report to, HOST:PORT.")]
Url = Annotated[str, typer.Option(help="The server's address for browsers.")]
Token = Annotated[
    str | None,
    typer.Option(help="Bearer token for REST and the live feed.", envvar="TRACKER_TOKEN"),
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

DEVICES = "127.0.0.1:9501"
HTTP = "http://127.0.0.1:8080"
LJUBLJANA = "46.0569,14.5058"


def main() -> None:
    """The console script."""
    app()


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except SimulatorError as error:
        typer.echo(f"simulator: {error}", err=True)
        raise typer.Exit(error.exit_code) from None


@app.command()
def replay(
    files: Annotated[list[str], typer.Argument(help="GPX, CSV or NMEA; or a bundled trip's name.")],
    protocol: Protocols = ["jt808"],  # noqa: B006 -- typer copies it
    to: To = DEVICES,
    speed: Annotated[float, typer.Option(help="So many times faster.", min=0.01, max=1000)] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Again and again.")] = False,
    keep_time: Annotated[
        bool, typer.Option("--keep-time", help="State the recorded times, not those of sending.")
    ] = False,
    interpolate: Annotated[
        float | None, typer.Option(help="Fill in points at so many Hz.", min=0.01, max=50)
    ] = None,
    assume_speed: Annotated[
        float | None, typer.Option(help="km/h, for a GPX without times.", min=0.1)
    ] = None,
    skip_gaps: Annotated[
        float | None, typer.Option(help="Shorten recorded pauses to so many seconds.", min=0)
    ] = None,
    columns: Annotated[
        str, typer.Option(help="Headings of a CSV: time=…,lat=…,lon=…,vehicle=…,speed=…,…")
    ] = "",
    speed_unit: Annotated[str, typer.Option(help="Of a CSV: kmh, ms, knots or mph.")] = "kmh",
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Of a CSV, as strptime.")] = None,
    ident: Annotated[
        list[str] | None, typer.Option(help="Identity of a vehicle; once for each, in order.")
    ] = None,
    first: First = FIRST_REPLAYED,
    seed: Seed = 0,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    give_up_after: GiveUp = None,
) -> None:
    """Replay recorded trips with the recorded timing; several vehicles at once."""
    with _one_line_errors():
        if loop and keep_time:
            raise UsageError("--loop with --keep-time would state the same times again")
        layout = parse_layout(columns, speed_unit, delimiter, time_format)
        trips = load(files, Reading(layout, assume_speed, skip_gaps, interpolate))
        for trip in trips:
            for remark in trip.remarks:
                typer.echo(f"{trip.source}: {remark}", err=True)
            if keep_time:
                check_kept_times(trip)
        vehicles = assign(len(trips), families(protocol), first)
        for index, name in enumerate(ident or ()):
            if index >= len(vehicles):
                raise UsageError(f"--ident: {len(ident or ())} identities, {len(trips)} vehicles")
            vehicles[index] = (vehicles[index][0], name, vehicles[index][2])
        allow_files(len(vehicles))
        for trip, (_, name, family) in zip(trips, vehicles, strict=True):
            typer.echo(f"{trip.name}: {len(trip.points)} points as {family.name} {name}", err=True)
        line = Line(parse_target(to), seed, parse_faults(faults), heartbeat, give_up_after)
        driven = uvloop.run(
            play(
                vehicles,
                lambda start: trip_reports(trips, Playback(start, speed, loop, keep_time)),
                line,
                "replaying",
            )
        )
        typer.echo(driven_line(driven), err=True)


@app.command()
def fleet(
    vehicles: Vehicles = 100,
    rate: Rate = 1.0,
    seed: Seed = 0,
    protocol: Protocols = ["mix"],  # noqa: B006 -- typer copies it
    to: To = DEVICES,
    around: Around = LJUBLJANA,
    duration: Annotated[float | None, typer.Option(help="Seconds; else for ever.", min=0)] = None,
    first: First = 1,
    burst: Burst = False,
    sleep_when_parked: Annotated[
        bool, typer.Option("--sleep-when-parked", help="Parked devices report seldom.")
    ] = False,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    give_up_after: GiveUp = None,
) -> None:
    """Drive a generated fleet through the streets of a generated town."""
    with _one_line_errors():
        assigned = assign(vehicles, families(protocol), first)
        line = Line(parse_target(to), seed, parse_faults(faults), heartbeat, give_up_after)
        allow_files(vehicles)  # before the vehicles are made: that takes its time
        driving = town_vehicles(vehicles, seed, parse_place(around), first)
        driven = uvloop.run(
            play(
                assigned,
                lambda start: fleet_reports(
                    driving, Pace(start, rate, duration, burst, sleep_when_parked), seed
                ),
                line,
                "driving",
            )
        )
        typer.echo(driven_line(driven), err=True)


@app.command()
def viewers(
    count: Count = 10,
    url: Url = HTTP,
    decode: Decode = 4,
    duration: Annotated[float | None, typer.Option(help="Seconds; else for ever.", min=0)] = None,
    seed: Seed = 0,
    token: Token = None,
    no_deflate: NoDeflate = False,
    bbox: Bbox = None,
    zoom: Zoom = 12,
    processes: Processes = 0,
    faults: Faults = "",
    as_json: Json = False,
) -> None:
    """Open live-feed viewers and count what comes to them."""
    with _one_line_errors():
        plan = CrowdPlan(
            url=url.rstrip("/"),
            count=count,
            decode=decode,
            seed=seed,
            token=token,
            deflate=not no_deflate,
            bbox=parse_bbox(bbox),
            zoom=zoom,
            stalled_share=parse_faults(faults).stalled_viewers,
        )
        allow_files(count)
        watched = uvloop.run(watch(plan, processes, duration))
        if as_json:
            _print_json(watched.to_json())
        else:
            watched.print(Console())


@app.command("run")
def run_(
    vehicles: Vehicles = 100,
    count: Annotated[
        int, typer.Option("--viewers", help="How many viewers.", min=1, max=100_000)
    ] = 100,
    rate: Rate = 1.0,
    duration: Annotated[float, typer.Option(help="Seconds of driving.", min=1)] = 30.0,
    seed: Seed = 0,
    protocol: Protocols = ["mix"],  # noqa: B006 -- typer copies it
    to: To = DEVICES,
    url: Url = HTTP,
    around: Around = LJUBLJANA,
    first: First = 1,
    burst: Burst = False,
    decode: Decode = 4,
    no_deflate: NoDeflate = False,
    processes: Processes = 0,
    token: Token = None,
    late_after: Annotated[
        float, typer.Option(help="Seconds from sent to seen that are too many.", min=0)
    ] = 2.0,
    tracks: Annotated[
        int, typer.Option(help="Vehicles whose whole stored track is compared.", min=0)
    ] = 10,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    as_json: Json = False,
) -> None:
    """Drive a fleet, watch it with viewers, and compare driven with seen."""
    with _one_line_errors():
        rates = parse_faults(faults)
        allow_files(vehicles + count)  # before the vehicles are made: that takes its time
        plan = RunPlan(
            vehicles=town_vehicles(vehicles, seed, parse_place(around), first),
            assigned=assign(vehicles, families(protocol), first),
            line=Line(parse_target(to), seed, rates, heartbeat),
            crowd=CrowdPlan(
                url=url.rstrip("/"),
                count=count,
                decode=decode,
                seed=seed,
                token=token,
                deflate=not no_deflate,
                stalled_share=rates.stalled_viewers,
            ),
            rate_hz=rate,
            duration_s=duration,
            burst=burst,
            processes=processes,
            late_after_s=late_after,
            tracks=tracks,
        )
        outcome = uvloop.run(run(plan))
        if as_json:
            _print_json(outcome.to_json())
        else:
            print_outcome(outcome, Console())
        if outcome.failures():
            raise typer.Exit(SimulatorError.exit_code)


@app.command()
def trips() -> None:
    """List the bundled trips."""
    with _one_line_errors():
        for name in bundled():
            for trip in load([name], Reading()):
                minutes = trip.duration_s / 60.0
                typer.echo(f"{name}: {trip.name}, {len(trip.points)} points, {minutes:.1f} min")


@app.command()
def idents(vehicles: Vehicles = 100, protocol: Protocols = ["mix"], first: First = 1) -> None:  # noqa: B006
    """List which identity each vehicle of a fleet has: number, protocol, identity."""
    with _one_line_errors():
        for number, ident, family in assign(vehicles, families(protocol), first):
            typer.echo(f"{number}\t{family.name}\t{ident}")


def parse_place(text: str) -> tuple[float, float]:
    """LAT,LON in degrees. Raises UsageError."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--around: {text!r} is not LAT,LON") from None
    if not (abs(lat) <= FARTHEST_NORTH_DEG and abs(lon) <= 180.0):
        raise UsageError(f"--around: {text} does not lie within ±{FARTHEST_NORTH_DEG:g},±180")
    return lat, lon


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """WEST,SOUTH,EAST,NORTH in degrees. Raises UsageError."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--bbox: {text!r} is not WEST,SOUTH,EAST,NORTH") from None
    return west, south, east, north


def _print_json(document: object) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(document, option=options))
