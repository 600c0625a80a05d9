"""The command line: replay, fleet, viewers, run, trips, idents. Errors are one line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import orjson
import typer
import uvloop
from rich.console import Console

from simulator.crowd import CrowdPlan
from simulator.driver import Assigned, allow_files, assign, named, parse_target
from simulator.errors import SimulatorError, UsageError
from simulator.faults import parse_faults
from simulator.model import Trip
from simulator.options import (
    DEVICES,
    HTTP,
    LJUBLJANA,
    Around,
    AssumeSpeed,
    Bbox,
    Burst,
    Ca,
    Columns,
    Count,
    Decode,
    Delimiter,
    Duration,
    Faults,
    Files,
    First,
    GiveUp,
    Heartbeat,
    Ident,
    Interpolate,
    Json,
    KeepTime,
    LateAfter,
    Loop,
    NoDeflate,
    Processes,
    Protocols,
    Rate,
    RunDuration,
    Seed,
    SkipGaps,
    SleepWhenParked,
    Speed,
    SpeedUnit,
    TimeFormat,
    Tls,
    To,
    Token,
    Tracks,
    Url,
    Vehicles,
    ViewersCount,
    Zoom,
    parse_bbox,
    parse_place,
    parse_tls,
    parse_url,
)
from simulator.play import Line, play, town_vehicles
from simulator.protocols import families
from simulator.report import driven_line, print_outcome, print_seen
from simulator.reports import Pace, Playback, Report, fleet_reports, trip_reports
from simulator.run import RunPlan, run
from simulator.trips import Reading, bundled, load
from simulator.trips.prepare import check_kept_times
from simulator.trips.table import parse_layout
from simulator.watch import watch

FIRST_REPLAYED = 900_001  # numbers of replayed vehicles, clear of any fleet's

app = typer.Typer(
    name="simulator",
    help="Simulated trackers and viewers for a vehicle tracking server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    files: Files,
    protocol: Protocols = ["jt808"],  # noqa: B006 -- typer copies it
    to: To = DEVICES,
    speed: Speed = 1.0,
    loop: Loop = False,
    keep_time: KeepTime = False,
    interpolate: Interpolate = None,
    assume_speed: AssumeSpeed = None,
    skip_gaps: SkipGaps = None,
    columns: Columns = "",
    speed_unit: SpeedUnit = "kmh",
    delimiter: Delimiter = None,
    time_format: TimeFormat = None,
    ident: Ident = None,
    first: First = FIRST_REPLAYED,
    seed: Seed = 0,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    give_up_after: GiveUp = None,
    tls: Tls = False,
    ca: Ca = None,
) -> None:
    """Replay recorded trips with the recorded timing; several vehicles at once."""
    with _one_line_errors():
        if loop and keep_time:
            raise UsageError("--loop with --keep-time would state the same times again")
        line = Line(
            parse_target(to), seed, parse_faults(faults), heartbeat, give_up_after,
            parse_tls(tls, ca),
        )  # fmt: skip
        layout = parse_layout(columns, speed_unit, delimiter, time_format)
        loaded = load(files, Reading(layout, assume_speed, skip_gaps, interpolate))
        vehicles = named(assign(len(loaded), families(protocol), first), ident or ())
        allow_files(len(vehicles))
        _introduce(loaded, vehicles, keep_time=keep_time)

        def plan(start: float) -> Iterator[Report]:
            return trip_reports(loaded, Playback(start, speed, loop, keep_time))

        driven = uvloop.run(play(vehicles, plan, line, "replaying"))
        typer.echo(driven_line(driven), err=True)


@app.command()
def fleet(
    vehicles: Vehicles = 100,
    rate: Rate = 1.0,
    seed: Seed = 0,
    protocol: Protocols = ["mix"],  # noqa: B006 -- typer copies it
    to: To = DEVICES,
    around: Around = LJUBLJANA,
    duration: Duration = None,
    first: First = 1,
    burst: Burst = False,
    sleep_when_parked: SleepWhenParked = False,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    give_up_after: GiveUp = None,
    tls: Tls = False,
    ca: Ca = None,
) -> None:
    """Drive a generated fleet through the streets of a generated town."""
    with _one_line_errors():
        line = Line(
            parse_target(to), seed, parse_faults(faults), heartbeat, give_up_after,
            parse_tls(tls, ca),
        )  # fmt: skip
        assigned = assign(vehicles, families(protocol), first)
        allow_files(vehicles)
        driving = town_vehicles(vehicles, seed, parse_place(around), first)

        def plan(start: float) -> Iterator[Report]:
            pace = Pace(start, rate, duration, burst, sleep_when_parked)
            return fleet_reports(driving, pace, seed)

        driven = uvloop.run(play(assigned, plan, line, "driving"))
        typer.echo(driven_line(driven), err=True)


@app.command()
def viewers(
    count: Count = 10,
    url: Url = HTTP,
    decode: Decode = 4,
    duration: Duration = None,
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
        stalled = parse_faults(faults).stalled_viewers
        plan = CrowdPlan(
            parse_url(url), count, decode, 0, seed, token, not no_deflate, parse_bbox(bbox), zoom,
            stalled,
        )  # fmt: skip
        allow_files(count)
        seen = uvloop.run(watch(plan, processes, duration))
        if as_json:
            _print_json(asdict(seen))
        else:
            print_seen(seen, Console())


@app.command("run")
def run_(
    vehicles: Vehicles = 100,
    count: ViewersCount = 100,
    rate: Rate = 1.0,
    duration: RunDuration = 30.0,
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
    late_after: LateAfter = 2.0,
    tracks: Tracks = 10,
    faults: Faults = "",
    heartbeat: Heartbeat = None,
    tls: Tls = False,
    ca: Ca = None,
    as_json: Json = False,
) -> None:
    """Drive a fleet, watch it with viewers, and compare driven with seen."""
    with _one_line_errors():
        rates = parse_faults(faults)
        line = Line(parse_target(to), seed, rates, heartbeat, tls=parse_tls(tls, ca))
        crowd = CrowdPlan(
            parse_url(url), count, decode, 0, seed, token, not no_deflate,
            stalled_share=rates.stalled_viewers,
        )  # fmt: skip
        assigned = assign(vehicles, families(protocol), first)
        allow_files(vehicles + count)
        driving = town_vehicles(vehicles, seed, parse_place(around), first)
        plan = RunPlan(
            driving, assigned, line, crowd, rate, duration, burst, processes, late_after, tracks
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


def _introduce(loaded: Sequence[Trip], vehicles: Sequence[Assigned], *, keep_time: bool) -> None:
    """Say what was read and as whom it is sent. Raises TripError."""
    for trip, (_, ident, family) in zip(loaded, vehicles, strict=True):
        if keep_time:
            check_kept_times(trip)
        for remark in trip.remarks:
            typer.echo(f"{trip.source}: {remark}", err=True)
        typer.echo(f"{trip.name}: {len(trip.points)} points as {family.name} {ident}", err=True)


def _print_json(document: object) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(document, option=options))
