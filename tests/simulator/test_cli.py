"""The command line: what it prints, and one line with an exit code for each thing done wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.errors import UsageError
from simulator.options import parse_bbox, parse_place, parse_url

RUNNER = CliRunner()


def test_bundled_trips_are_listed() -> None:
    result = RUNNER.invoke(app, ["trips"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "bus-line.nmea: bus-line, 675 points, 11.2 min",
        "country-vans.csv: Van 1, 185 points, 15.3 min",
        "country-vans.csv: Van 2, 163 points, 13.5 min",
        "country-vans.csv: Tractor, 102 points, 8.4 min",
        "town-car.gpx: Town car, 256 points, 8.5 min",
    ]


def test_identities_are_listed() -> None:
    result = RUNNER.invoke(app, ["idents", "--vehicles", "2", "--protocol", "gt06,jt808"])
    assert result.stdout == "1\tgt06\t359099000000017\n2\tjt808\t019900000002\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["replay", "nowhere.gpx"], 3, "nowhere.gpx: no such file"),
        (["replay", "town-car.gpx", "--protocol", "morse"], 2, "unknown protocol 'morse'"),
        (["replay", "town-car.gpx", "--loop", "--keep-time"], 2, "--loop with --keep-time"),
        (["replay", "town-car.gpx", "--to", "nowhere"], 2, "'nowhere' is not HOST:PORT"),
        (["replay", "town-car.gpx", "--ident", "1", "--ident", "2"], 2, "2 identities, 1 vehicles"),
        (["replay", "country-vans.csv", "--columns", "a=b"], 2, "'a=b' is not NAME=HEADING"),
        (["fleet", "--faults", "torn"], 2, "unknown fault 'torn'"),
        (["fleet", "--around", "here"], 2, "'here' is not LAT,LON"),
        (["fleet", "--to", "127.0.0.1:1", "--give-up-after", "0.1", "--vehicles", "1"], 4,
         "127.0.0.1:1: no connection within 0.1 s"),
        (["viewers", "--bbox", "1,2,3"], 2, "'1,2,3' is not WEST,SOUTH,EAST,NORTH"),
        (["run", "--vehicles", "99000"], 2, "local ports"),
        (["run", "--url", "localhost:8080"], 2, "'localhost:8080' is not http://HOST:PORT"),
        (["replay", "town-car.gpx", "--ident", "X1"], 2, "'X1' is not 12 digits, as jt808 has"),
        (["replay", "town-car.gpx", "--ident", "1234567890123"], 2, "is not 12 digits"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_a_code(arguments: list[str], code: int, message: str) -> None:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == code
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("simulator: ")]
    assert message in line


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.gpx").write_text("<gpx>")
    result = RUNNER.invoke(app, ["replay", str(tmp_path / "broken.gpx")])
    assert result.exit_code == 3
    assert "broken.gpx: not GPX" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["91,0", "81,0", "0,181", "a,b", "1", "nan,0"])
def test_places_are_checked(text: str) -> None:
    with pytest.raises(UsageError):
        parse_place(text)


def test_places_and_boxes_are_read() -> None:
    assert parse_place("-33.4, 70") == (-33.4, 70.0)
    assert parse_bbox("170,-20,-170,20") == (170.0, -20.0, -170.0, 20.0)
    assert parse_bbox(None) is None
    assert parse_url("https://tracker.example/") == "https://tracker.example"
