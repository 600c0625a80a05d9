"""The replay of recorded frames, on frames and readings made up here."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.devices import frame, login, position
from tracker.cli import app
from tracker.conformance.compare import same_time
from tracker.conformance.records import moment, options, wire
from tracker.conformance.replay import Tally, run
from tracker.conformance.report import show
from tracker.errors import RequestError

NOW = 1_740_800_000.0
TIME_S = 1_740_789_015  # 2025-03-01T00:30:15Z
TIME = "2025-03-01T00:30:15.000Z"


def told(**changes: Any) -> dict[str, Any]:
    """Another reader's account of the position that `spoken` carries."""
    return {
        "time": TIME, "lat": 22.54, "lon": 114.059, "speed_knots": 36.5 / 1.852, "course": 90.0,
        "valid": True, "outdated": False, **changes,
    }  # fmt: skip


def record(data: bytes, *positions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "instance": "one/0", "index": 0, "form": "binary", "encoding": "hex", "framing": "same",
        "framed_hex": None, "input": data.hex(), "ids": [], "positions": list(positions),
        "relative_to_now": False, **changes,
    }  # fmt: skip


def spoken() -> bytes:
    return position(TIME_S, 22.54, 114.059)


def tally(tmp_path: Path, name: str, *records: dict[str, Any]) -> Tally:
    path = tmp_path / f"{name}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return run(tmp_path, NOW).tallies[name]


def test_a_frame_agrees_when_every_field_does(tmp_path: Path) -> None:
    """Replayed in order of index, whatever the order of the lines."""
    found = tally(
        tmp_path, "frame55",
        record(spoken(), told(), index=1, ids=["1001"]),
        record(login("1001"), index=0, ids=["1001"]),
    )  # fmt: skip
    assert (found.frames, found.agree, found.disagreements) == (2, 2, [])
    assert dict(found.agreed) == dict(found.compared) == {
        "identity": 2, "number": 2, "position": 1, "speed": 1, "course": 1, "validity": 1,
        "time": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"lat": 22.5401}, "position"),
        ({"lon": -114.059}, "position"),
        ({"time": "2025-03-01T00:30:16.000Z"}, "time"),
        ({"speed_knots": 36.5}, "speed"),
        ({"course": 91.0}, "course"),
        ({"valid": False}, "validity"),
        ({"outdated": True}, "number"),
    ],
)
def test_each_field_is_looked_at(tmp_path: Path, changes: dict[str, Any], name: str) -> None:
    found = tally(tmp_path, "frame55", record(spoken(), told(**changes)))
    assert (found.frames, found.agree) == (1, 0)
    (wrong,) = found.disagreements
    assert wrong.fields == (name,)
    assert wrong.ours["fixes"][0]["lat"] == 22.54
    assert len(wrong.theirs["positions"]) == (name != "number")


@pytest.mark.parametrize(
    "changes",
    [
        {"course": 450.0},
        {"lat": 22.540003},
        {"time": None},
        {"relative_to_now": True, "time": "2025-03-02T11:11:11.111Z"},
    ],
)
def test_what_means_the_same_agrees(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert tally(tmp_path, "frame55", record(spoken(), told(**changes))).agree == 1


def test_another_identity_is_a_disagreement(tmp_path: Path) -> None:
    found = tally(tmp_path, "frame55", record(login("1001"), ids=["1002", "1003"]))
    assert found.disagreements[0].fields == ("identity",)


def test_a_damaged_frame_is_refused_and_not_counted(tmp_path: Path) -> None:
    """Damaged: its checksum is wrong, or it never ends. The next frame starts on a clean line."""
    bad = bytearray(spoken())
    bad[6] ^= 1
    found = tally(
        tmp_path, "frame55",
        record(bytes(bad), told(), index=0),
        record(spoken()[:-3], told(), index=1),
        record(spoken(), told(), index=2),
    )  # fmt: skip
    assert (found.frames, found.agree, found.refused.total()) == (1, 1, 2)
    assert found.refused["unfinished"] == 1


def test_a_frame_that_is_whole_and_not_understood_counts(tmp_path: Path) -> None:
    """A position off the Earth: no damage, so nothing that excuses us."""
    content = bytearray(spoken())
    content[8:12] = (95_000_000).to_bytes(4, "big")
    found = tally(tmp_path, "frame55", record(frame(0x01, bytes(content[4:-1])), told()))
    assert (found.frames, found.agree, found.refused.total()) == (1, 0, 0)
    assert found.disagreements[0].ours["errors"] == ["field"]


RMC = "$GPRMC,003015,A,2232.4000,N,11403.5400,E,19.71,90.00,010325,,,A"


def test_line_ends_that_framing_took_are_put_back(tmp_path: Path) -> None:
    check = 0
    for byte in RMC[1:].encode():
        check ^= byte
    line = record(b"", told(speed_knots=19.71), form="text", encoding="text", framing=None)
    line["input"] = f"{RMC}*{check:02X}"
    found = tally(tmp_path, "t55", line, {**line, "index": 1})
    assert (found.protocol, found.frames, found.agree) == ("nmea", 2, 2)


def test_clock_times_are_read_as_on_their_day(tmp_path: Path) -> None:
    assert moment(record(b"", told(relative_to_now=True)), NOW) == TIME_S
    assert moment(record(b"", told()), NOW) == NOW


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [(5.0, 5.0, True), (5.9, 5.0, True), (6.0, 5.0, False), (5.9, 5.5, False), (4.9, 5.0, False)],
)
def test_fractions_may_be_cut_off(ours: float, theirs: float, same: bool) -> None:
    assert same_time(ours, theirs) is same


def test_datagrams_are_read_as_such(tmp_path: Path) -> None:
    """A Wialon datagram names its sender; without its line end it is whole all the same."""
    line = "356307042441013#SD#010325;003015;2232.4000;N;11403.5400;E;36;90;50;9"
    said = record(b"", told(speed_knots=36 / 1.852), ids=["356307042441013"], transport="udp")
    said |= {"form": "text", "encoding": "text", "input": line}
    assert tally(tmp_path, "wialon", said).agree == 1
    assert options({"decoder_args": ["true"]}, "teltonika") == {"udp": True}
    assert options({"decoder_args": ["true"]}, "xexun") == {}


def test_requests_are_written_as_http() -> None:
    said = {"form": "request", "method": "POST", "input": "/x?y=1", "headers": {"A": "b"}}
    assert wire({**said, "body": "é"}) == (
        b"POST /x?y=1 HTTP/1.1\r\nHost: localhost\r\nA: b\r\nContent-Length: 2\r\n\r\n\xc3\xa9"
    )
    assert wire(said).endswith(b"A: b\r\n\r\n")


@pytest.mark.parametrize("line", ["{", "[]", '{"index": 1}', "7"])
def test_a_line_that_is_no_frame_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "gt06.jsonl").write_text("\n" + line)
    with pytest.raises(RequestError, match=r"gt06\.jsonl:2"):
        run(tmp_path, NOW)


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no \.jsonl"):
        run(tmp_path, NOW)
    refused = CliRunner().invoke(app, ["conformance", "--vectors", str(tmp_path)])
    assert refused.exit_code == 1


def folder(tmp_path: Path) -> Path:
    wrong = record(spoken(), told(lat=1.0), index=1)
    lines = (json.dumps(record(spoken(), told())), json.dumps(wrong))
    (tmp_path / "frame55.jsonl").write_text("\n".join(lines))
    (tmp_path / "morse.jsonl").write_text(json.dumps(record(b"...")))
    return tmp_path


def test_json_for_programs(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["conformance", "--vectors", str(folder(tmp_path)), "--json"])
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["unsupported"] == {"morse": 1}
    (name,) = said["protocols"]
    counts = said["protocols"][name]
    assert (name, counts["frames"], counts["agree"], counts["disagree"], counts["refused"]) == (
        "frame55", 2, 1, 1, 0,
    )  # fmt: skip
    assert counts["fields"]["position"] == {"compared": 2, "agree": 1}
    assert counts["disagreements"][0]["fields"] == ["position"]


def test_a_table_for_people(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    show(run(folder(tmp_path), NOW), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "50.0" in text
    assert "position 1/2" in text
    assert "unsupported" in text
    assert "frame55 one/0 1: position" in text
