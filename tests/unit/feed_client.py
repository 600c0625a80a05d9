"""A client of the live feed, written from docs/live-feed.md alone, that believes nothing.

`Frames` takes the bytes of a socket apart (RFC 6455, RFC 7692) with nothing but zlib; `FeedClient`
holds what a page would hold and raises AssertionError for whatever contradicts the contract.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

ENTER = {
    "n", "id", "name", "device", "lat", "lon", "speed", "course", "age", "state", "since", "flags",
}  # fmt: skip
MOVE = {"n", "lat", "lon", "fix", "speed", "course"}
STATE = {"n", "state", "since", "flags"}


class Frames:
    """One connection's bytes to messages; with the compressor's memory kept, as browsers do."""

    def __init__(self, *, deflated: bool) -> None:
        self._deflated = deflated
        self._inflater = zlib.decompressobj(-15)

    def text(self, frame: bytes) -> str:
        """The text of exactly one unmasked, unfragmented text frame."""
        first, second = frame[0], frame[1]
        assert first & 0x80, "the frame is fragmented"
        assert first & 0x0F == 1, "no text frame"
        assert first & 0x30 == 0, "reserved bits are set"
        assert not second & 0x80, "servers do not mask"
        length, start = second & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(frame[2:4], "big"), 4
            assert length > 125, "the length is longer than it must be"
        elif length == 127:
            length, start = int.from_bytes(frame[2:10], "big"), 10
            assert length > 65_535, "the length is longer than it must be"
        payload = frame[start:]
        assert len(payload) == length
        compressed = bool(first & 0x40)
        assert compressed == self._deflated
        if compressed:
            payload = self._inflater.decompress(payload + b"\x00\x00\xff\xff")
            assert not self._inflater.unused_data, "the deflate stream was ended"
            assert not self._inflater.unconsumed_tail
        return payload.decode()

    def message(self, frame: bytes) -> dict[str, Any]:
        """The message in a frame."""
        message: dict[str, Any] = json.loads(self.text(frame))
        return message


@dataclass
class FeedClient:
    """What a viewer knows of the world: rows by handle, absolute, in the units of the feed."""

    rows: dict[int, Row] = field(default_factory=dict)
    cells: list[str] | None = None
    groups: list[str] | None = None
    tick: int | None = None
    status: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    full: bool = False  # the newest message came with a reset

    def take(self, message: dict[str, Any]) -> None:
        """Apply one tick message."""
        assert message["type"] == "tick"
        assert self.tick is None or message["tick"] > self.tick
        self.tick, parts = message["tick"], message["parts"]
        assert [p["kind"] for p in parts].index("status") == 0
        assert {p["kind"] for p in parts} <= {"status", "view", "cell", "events", "error"}
        self.status, self.full = parts[0], False
        for part in self._of(parts, "view"):
            self._view(part)
        assert self.cells is not None, "the first tick must say what the view is"
        cells = self._of(parts, "cell")
        topics = [(p["cell"], p["group"]) for p in cells]
        assert len(set(topics)) == len(topics)
        for part in cells:
            self._leave(part)
        entered: set[int] = set()
        for part in cells:
            entered |= self._enter(part)
        for part in cells:
            self._move(part, entered)
            self._state(part, entered)
        for part in self._of(parts, "events"):
            self.events += part["events"]
        self.errors += [part["detail"] for part in self._of(parts, "error")]

    def by_id(self) -> dict[str, Row]:
        """The vehicles that are held, by id; each of them once."""
        rows = {row["id"]: row for row in self.rows.values()}
        assert len(rows) == len(self.rows), "a vehicle is held under two handles"
        return rows

    @staticmethod
    def _of(parts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
        return [part for part in parts if part["kind"] == kind]

    def _view(self, part: dict[str, Any]) -> None:
        self.cells, self.groups = part["cells"], part["groups"]
        self.full = self.full or part["reset"]
        self.rows = {
            handle: row
            for handle, row in self.rows.items()
            if not part["reset"] and row["cell"] in self.cells and row["group"] in self.groups
        }

    def _leave(self, part: dict[str, Any]) -> None:
        for handle in part.get("leave", ()):
            row = self.rows.pop(handle)
            assert (row["cell"], row["group"]) == (part["cell"], part["group"])

    def _columns(self, part: dict[str, Any], member: str, names: set[str]) -> list[Row]:
        """The entries of a member, with whole handles, checked for shape and order."""
        columns = part.get(member)
        if columns is None:
            return []
        assert self.cells is not None
        assert self.groups is not None
        assert part["cell"] in self.cells
        assert part["group"] in self.groups
        assert set(columns) == names
        size = len(columns["n"])
        assert size
        assert all(len(column) == size for column in columns.values())
        assert all(step > 0 for step in columns["n"])
        rows, handle = [], 0
        for index in range(size):
            row = {name: column[index] for name, column in columns.items()}
            handle += row["n"]
            rows.append(row | {"n": handle})
        return rows

    def _enter(self, part: dict[str, Any]) -> set[int]:
        entered = set()
        assert self.tick is not None
        for row in self._columns(part, "enter", ENTER):
            handle = row.pop("n")
            where = {"cell": part["cell"], "group": part["group"]}
            held = self.rows.get(handle)
            if held is not None:
                assert held["id"] == row["id"]
                assert (held["cell"], held["group"]) == (part["cell"], part["group"])
            fix_ms = self.tick * 1000 - row.pop("age")
            since_ms = self.tick * 1000 - row.pop("since")
            self.rows[handle] = row | where | {"fix_ms": fix_ms, "since_ms": since_ms}
            entered.add(handle)
        return entered

    def _move(self, part: dict[str, Any], entered: set[int]) -> None:
        for row in self._columns(part, "move", MOVE):
            assert row["n"] not in entered, "it was told absolutely in the same message"
            held = self.rows[row["n"]]
            assert (held["cell"], held["group"]) == (part["cell"], part["group"])
            held["lat"] += row["lat"]
            held["lon"] += row["lon"]
            held["fix_ms"] += row["fix"]
            held["speed"], held["course"] = row["speed"], row["course"]

    def _state(self, part: dict[str, Any], entered: set[int]) -> None:
        assert self.tick is not None
        for row in self._columns(part, "state", STATE):
            assert row["n"] not in entered, "it was told absolutely in the same message"
            held = self.rows[row["n"]]
            assert (held["cell"], held["group"]) == (part["cell"], part["group"])
            held["state"], held["flags"] = row["state"], row["flags"]
            held["since_ms"] = self.tick * 1000 - row["since"]
