"""Lines of recorded frames that cannot be read: one error that names the line, no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.devices import login, position
from tracker.cli import app

GOOD = {
    "instance": "one/0", "index": 0, "form": "binary", "encoding": "hex",
    "input": login("1001").hex(), "positions": [],
}  # fmt: skip
PLACE = {"time": "2025-03-01T00:30:15Z", "lat": 22.54, "lon": 114.059, "valid": True}
SPOKEN = position(1_740_789_015, 22.54, 114.059).hex()


def conformance(folder: Path) -> Any:
    return CliRunner().invoke(app, ["conformance", "--vectors", str(folder), "--json"])


@pytest.mark.parametrize(
    "changes",
    [
        {"input": "zz"},
        {"input": 7},
        {"encoding": "text", "input": None},
        {"positions": {"lat": 1}},
        {"positions": 5},
        {"positions": [5]},
        {"positions": [{"lat": 1.0}]},
        {"positions": [PLACE], "input": SPOKEN},
        {"positions": [PLACE | {"time": "yesterday", "relative_to_now": True}]},
        {"ids": 5},
        {"ids": [5]},
        {"form": "request"},
        {"input": "00", "framed_hex": "zz", "framing": "changed"},
    ],
)
def test_the_line_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    lines = [GOOD, GOOD | {"index": 1} | changes]
    (tmp_path / "frame55.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = conformance(tmp_path)
    assert found.exit_code == 1
    assert isinstance(found.exception, SystemExit), "a word for the person, and no traceback"
    assert "frame55.jsonl:2: cannot be read" in found.output


def test_indexes_must_be_of_one_kind(tmp_path: Path) -> None:
    lines = [GOOD, GOOD | {"index": "second"}]
    (tmp_path / "frame55.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = conformance(tmp_path)
    assert found.exit_code == 1
    assert isinstance(found.exception, SystemExit)
    assert "frame55.jsonl: instances or indexes" in found.output


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").touch()
        found = conformance(folder)
        assert found.exit_code == 1
        assert f"{folder.name} is no folder" in found.output.replace("\n", "")
