"""Transcripts of conversations with devices, kept as data, and the means to replay them.

`vectors/NAME.json` holds cases for the protocol NAME. A case is a list of steps on one connection:
what the device sends with the messages that must come out, or a command with the frame that must
be written for it (null: it cannot be). Of a message the type, the exact answer and whether that
waits for storage are always compared; other fields where they are given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Decoder, Family, Message, Session
from tracker.protocols.registry import FAMILIES

VECTORS = Path(__file__).parent / "vectors"
AUTH_KEY = b"a secret of this node"
NOW = 1_740_789_015.75  # 2025-03-01T00:30:15.75Z

Item = Message | DecodeError


def cases_of(family: Family) -> list[dict[str, Any]]:
    """The cases of one protocol; none where it has no file (a test says that it must)."""
    path = VECTORS / f"{family.name}.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"] if path.exists() else []
    return cases


def cases() -> Iterator[tuple[Family, dict[str, Any]]]:
    """Every case of every protocol."""
    for family in FAMILIES:
        for case in cases_of(family):
            yield family, case


def new_session(settings: Mapping[str, Any] | None = None) -> Session:
    """A Session as a gateway would make it, with what a case says of it."""
    return Session(**{"now": NOW, "auth_key": AUTH_KEY, **(settings or {})})


def drain(decoder: Decoder) -> list[Item]:
    """Everything that comes out now."""
    items: list[Item] = []
    while True:
        try:
            message = decoder.next_message()
        except DecodeError as error:
            items.append(error)
        else:
            if message is None:
                return items
            items.append(message)


def feed(decoder: Decoder, data: bytes, size: int | None = None) -> list[Item]:
    """What comes out of `data`, fed at once or `size` bytes at a time."""
    items: list[Item] = []
    for at in range(0, len(data), size or max(1, len(data))):
        decoder.receive_data(data[at : at + (size or len(data))])
        items += drain(decoder)
    return items


def plain(item: Item, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An item in the words of a vector: those fields that `wanted` has, and what is always said."""
    if isinstance(item, DecodeError):
        return {"error": item.kind}
    shown: dict[str, Any] = {"type": type(item).__name__}
    if item.answer or "answer" in wanted:
        shown["answer"] = item.answer.hex(" ").upper()
    if item.durable or "durable" in wanted:
        shown["durable"] = item.durable
    for name in wanted.keys() - shown.keys():
        value = getattr(item, name, "absent")
        if isinstance(value, bytes):
            value = value.hex(" ").upper()
        elif name == "fixes":
            value = [plain_fix(fix) for fix in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        shown[name] = value
    return shown


def plain_fix(fix: Any) -> dict[str, Any]:
    """A fix with coordinates to a tenth of a millionth of a degree, as numbers in JSON have it."""
    shown = {field.name: getattr(fix, field.name) for field in dataclasses.fields(fix)}
    shown["lat"], shown["lon"] = round(fix.lat, 7), round(fix.lon, 7)
    shown["alarms"] = list(fix.alarms)
    shown["attributes"] = dict(fix.attributes)
    return shown


def check(items: list[Item], expected: list[dict[str, Any]]) -> None:
    """The items are those of a vector."""
    assert [plain(item, {}).get("type", "error") for item in items] == [
        wanted.get("type", "error") for wanted in expected
    ]
    for item, wanted in zip(items, expected, strict=True):
        assert plain(item, wanted) == wanted


def check_command(decoder: Decoder, step: Mapping[str, Any]) -> None:
    """A command is written as a vector says, or refused."""
    stated = step["command"]
    command = Command(CommandKind(stated["kind"]), stated["reference"], stated["parameters"])
    try:
        frame = decoder.encode(command).hex(" ").upper()
    except CommandError:
        frame = None
    assert frame == step["frame"]
