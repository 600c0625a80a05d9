"""Recorded frames: a line of a file, and the bytes that it stands for on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tracker.errors import RequestError

# Files in which `decoder_args` tells datagrams (true) from streams.
DATAGRAM_SWITCH = frozenset({"teltonika"})
WHERE = "where"  # file and line, for people
MEMBERS = ("instance", "index", "form", "encoding", "input", "positions")


def read(path: Path) -> list[dict[str, Any]]:
    """The frames of a file, in replay order. Raises RequestError naming the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path}: {error}", value=path) from None
    records = [
        parse(line, f"{path.name}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    try:
        return sorted(records, key=lambda record: (record["instance"], record["index"]))
    except TypeError as error:
        raise RequestError(f"{path.name}: instances or indexes: {error}", value=path) from None


def parse(line: str, where: str) -> dict[str, Any]:
    """One frame. Raises RequestError for what lacks a member that every frame has."""
    try:
        record: dict[str, Any] = json.loads(line)
        missing = [name for name in MEMBERS if name not in record]
    except (ValueError, TypeError) as error:
        raise RequestError(f"{where}: no JSON: {error}", value=line) from None
    if missing:
        raise RequestError(f"{where}: without {', '.join(missing)}", value=line)
    return {**record, WHERE: where}


@contextmanager
def stated(record: Mapping[str, Any]) -> Iterator[None]:
    """Around whatever reads a member. Raises RequestError naming the line of one that cannot be."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise RequestError(f"{record[WHERE]}: cannot be read: {said}") from None


def wire(record: Mapping[str, Any]) -> bytes:
    """The bytes of a frame as they travel."""
    if record["form"] == "request":
        return request(record)
    if record["encoding"] == "hex":
        return bytes.fromhex(record["input"])
    text: str = record["input"]
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def request(record: Mapping[str, Any]) -> bytes:
    """The HTTP/1.1 request of a frame."""
    body = (record.get("body") or "").encode()
    headers = {"Host": "localhost", **(record.get("headers") or {})}
    if body:
        headers["Content-Length"] = str(len(body))
    lines = [f"{record['method']} {record['input']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def options(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The session options of the connection that a frame of the file `name` came on."""
    switched = name in DATAGRAM_SWITCH and record.get("decoder_args") == ["true"]
    return {"udp": True} if switched or record.get("transport") == "udp" else {}


def moment(record: Mapping[str, Any], now: float) -> float:
    """When the frame is read: what depends on its day is read again as on that day."""
    for position in record["positions"]:
        if position.get("relative_to_now") and position.get("time"):
            return unix(position["time"])
    return now


def unix(text: str) -> float:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()
