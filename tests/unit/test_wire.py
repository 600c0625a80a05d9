"""Frames as an independent client reads them, the columns, and what viewers may say."""

from __future__ import annotations

import asyncio
import json
import random
import zlib
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketReader
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, live, vehicle
from tests.unit.feed_client import Frames
from tracker import wire
from tracker.model import Event, EventKind, State
from tracker.wire import ClientMessageError, Piece, parse_client
from tracker.world import World

SYNC_END = b"\x00\x00\xff\xff"


def text_of(size: int) -> bytes:
    """JSON text of a size that compresses badly."""
    rng = random.Random(size)
    return bytes(rng.choice(b"0123456789abcdef") for _ in range(size))


# Frames -------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_pieces_deflated_apart_inflate_together(parts):
    joined = b"".join(wire.deflate(part) for part in parts)
    assert zlib.decompressobj(-15).decompress(joined) == b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, 100, 32_768, 65_535, 65_536, 300_000])
def test_a_deflated_piece_ends_on_a_byte_and_is_no_end_of_stream(size):
    data = text_of(size)
    squeezed = wire.deflate(data)
    assert squeezed.endswith(SYNC_END)
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(squeezed) == data
    assert not inflater.eof


def test_a_piece_is_deflated_once():
    piece = Piece(b"{}")
    assert piece.deflated is piece.deflated
    assert piece.plain == b"{}"


@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize("size", [0, 60, 125, 126, 127, 65_535, 65_536, 70_000, 1_000_000])
def test_frames_of_every_length(size, deflated):
    pieces = [Piece(b'["'), Piece(text_of(size)), Piece(b'"]')]
    frame = wire.frame(pieces, deflated=deflated)
    expected = b"".join(piece.plain for piece in pieces).decode()
    assert Frames(deflated=deflated).text(frame) == expected


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_headers_of_plain_frames(size, header):
    data = text_of(size)
    assert wire.frame([Piece(data)], deflated=False) == header + data


def test_a_compressed_frame_says_so_and_lacks_the_end_of_its_flush():
    piece = Piece(b"hello")
    frame = wire.frame([piece], deflated=True)
    assert frame[0] == 0xC1
    assert frame[2:] == piece.deflated[:-4]


@pytest.mark.parametrize("deflated", [True, False])
async def test_a_clients_reader_understands_frame_after_frame(deflated):
    """aiohttp's own, with its inflater's memory kept from frame to frame."""
    loop = asyncio.get_running_loop()
    queue = WebSocketDataQueue(BaseProtocol(loop), 1 << 24, loop=loop)
    reader = WebSocketReader(queue, 1 << 24, deflated, True)
    shared = [Piece(text_of(size)) for size in (300, 70_000, 5)]
    messages = [[shared[0]], [*shared, *shared], [shared[2], shared[0]], [wire.TAIL]]
    for pieces in messages:
        reader.feed_data(wire.frame(pieces, deflated=deflated))
    for pieces in messages:
        message = await queue.read()
        assert message.type is WSMsgType.TEXT
        assert message.data == b"".join(piece.plain for piece in pieces).decode()


# Messages -----------------------------------------------------------------------------------------


def test_hello():
    piece = wire.hello(
        node="north-1", epoch="6f1c", now=1_740_789_015.1234, interval_s=0.5, behind=2,
        close_after_s=30.0,
    )  # fmt: skip
    assert json.loads(piece.plain) == {
        "type": "hello",
        "version": 1,
        "node": "north-1",
        "epoch": "6f1c",
        "time_ms": 1_740_789_015_123,
        "tick_interval_ms": 500,
        "states": ["moving", "idle", "parked", "stale", "offline"],
        "behind_after_ticks": 2,
        "close_after_s": 30.0,
    }


def message_of(*pieces: Piece) -> dict[str, Any]:
    """A whole tick message with these parts."""
    head = wire.head(7, time_ms=7_004, degraded=False, conflated=3, counts=[1, 0, 0, 0, 0])
    frame = wire.frame([head, *pieces, wire.TAIL], deflated=True)
    return Frames(deflated=True).message(frame)


def test_a_tick_without_parts_is_its_status():
    assert message_of() == {
        "type": "tick",
        "tick": 7,
        "parts": [
            {"kind": "status", "time_ms": 7_004, "feed": "live", "conflated": 3,
             "counts": [1, 0, 0, 0, 0]},
        ],
    }  # fmt: skip
    degraded = wire.head(7, time_ms=0, degraded=True, conflated=0, counts=[])
    assert b'"feed":"degraded"' in degraded.plain


def test_views_and_errors():
    message = message_of(
        wire.view_part(["0/0/0"], ["main"], reset=True),
        wire.error_part("bad_message", 'quo"ted'),
        wire.view_part(["4/1/2"], ["main", "main/ä"], reset=False),
    )
    assert message["parts"][1:] == [
        {"kind": "view", "reset": True, "cells": ["0/0/0"], "groups": ["main"]},
        {"kind": "error", "code": "bad_message", "detail": 'quo"ted'},
        {"kind": "view", "reset": False, "cells": ["4/1/2"], "groups": ["main", "main/ä"]},
    ]


def test_events():
    alarm = Event("e1", EventKind.ALARM, "a", 1.0015, "sos", lat=46.0512345, lon=-14.5)
    over = Event("e2", EventKind.ALARM_OVER, "a", 2.0, "sos")
    assert message_of(wire.events_part([alarm, over]))["parts"][1] == {
        "kind": "events",
        "events": [
            {"id": "e1", "event": "alarm", "vehicle": "a", "name": "sos", "time_ms": 1_002,
             "lat": 46_051_234, "lon": -14_500_000},
            {"id": "e2", "event": "alarm_over", "vehicle": "a", "name": "sos", "time_ms": 2_000,
             "lat": None, "lon": None},
        ],
    }  # fmt: skip


def test_what_becomes_of_a_command():
    sent = Event("c.1.north", EventKind.COMMAND, "a", 1.5, "locate", command="c", state="sent")
    failed = Event(
        "c.2.north", EventKind.COMMAND, "a", 2.0, "text", command="c", state="failed", reply="no",
        detail="refused",
    )  # fmt: skip
    assert message_of(wire.events_part([sent, failed]))["parts"][1]["events"] == [
        {"id": "c.1.north", "event": "command", "vehicle": "a", "command": "c", "kind": "locate",
         "state": "sent", "reply": None, "detail": None, "time_ms": 1_500},
        {"id": "c.2.north", "event": "command", "vehicle": "a", "command": "c", "kind": "text",
         "state": "failed", "reply": "no", "detail": "refused", "time_ms": 2_000},
    ]  # fmt: skip


# Columns ------------------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 100_000), min_size=1, max_size=50))
def test_handles_are_steps_from_one_to_the_next(slots):
    steps = wire.handles(np.array(sorted(slots), dtype=np.int64)).tolist()
    assert np.cumsum(steps).tolist() == [slot + 1 for slot in sorted(slots)]
    assert all(step > 0 for step in steps)


def columns_of(columns: dict[str, Any]) -> dict[str, Any]:
    """As they come out of the JSON."""
    content: dict[str, Any] = message_of(wire.part({"kind": "cell"} | columns))["parts"][1]
    del content["kind"]
    return content


def scene() -> World:
    world = World()
    for id_ in "abc":
        world.describe(vehicle(id_))
    world.step(
        [
            live("a", -0.82, lat=22.54, lon=114.059, speed_kmh=36.5, course_deg=90.0,
                 ignition=True, motion_since=T0 - 61),
            live("c", -4.004, lat=22.54132, lon=114.060001, speed_kmh=0.0,
                 motion=State.PARKED, ignition=False, motion_since=T0 - 905),
        ],
        T0,
    )  # fmt: skip
    return world


def test_enter_columns():
    slots = np.array([0, 2])
    assert columns_of(wire.enter_columns(scene(), slots, round(T0 * 1000))) == {
        "n": [1, 2],
        "id": ["a", "c"],
        "name": ["Truck a", "Truck c"],
        "device": ["device-a", "device-c"],
        "lat": [22_540_000, 22_541_320],
        "lon": [114_059_000, 114_060_001],
        "speed": [365, 0],
        "course": [900, -1],
        "age": [820, 4_004],
        "state": [0, 2],
        "since": [61_000, 905_000],
        "flags": [3, 2],
    }


def test_move_and_state_columns():
    world = scene()
    changes = world.step(
        [
            live("a", 0.5, lat=22.540001, lon=114.0589, speed_kmh=37.0, course_deg=91.0,
                 motion_since=T0 + 0.25, alarms=("sos",)),
            live("b"),
            live("c", 0.25, lat=22.54132, lon=114.060001),
        ],
        T0 + 1,
    )  # fmt: skip
    assert changes.moved.tolist() == [0, 2]
    assert columns_of(wire.move_columns(world, changes, np.array([0, 1]))) == {
        "n": [1, 2],
        "lat": [1, 0],
        "lon": [-100, 0],
        "fix": [1_320, 4_254],
        "speed": [370, -1],
        "course": [910, -1],
    }
    assert columns_of(wire.move_columns(world, changes, np.array([1])))["n"] == [3]
    tick_ms = round(T0 * 1000) + 1_000
    assert columns_of(wire.state_columns(world, np.array([0]), tick_ms)) == {
        "n": [1],
        "state": [0],
        "since": [750],
        "flags": [4],
    }


# Viewers' messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ack", "tick": 7},
        {"type": "ack", "tick": -1},
        {"type": "view", "bbox": None},
        {"type": "view", "bbox": None, "zoom": 3},
        {"type": "view", "bbox": [-180, -90, 180.0, 90], "zoom": 0},
        {"type": "view", "bbox": [179.5, 1, -179.5, 1], "zoom": 24},
        {"type": "view", "bbox": [0, 0, 0, 0], "zoom": 12.5},
        {"type": "rate", "every": 1},
        {"type": "rate", "every": 60, "unknown": "fields are ignored"},
    ],
)
def test_messages_that_are_understood(message):
    assert parse_client(orjson.dumps(message)) == message
    assert parse_client(orjson.dumps(message).decode()) == message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("junk", "not JSON"),
        ("\x00", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 2_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("7", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "type: must be"),
        ('{"type": 7}', "type: must be"),
        ('{"type": ["ack"]}', "type: must be"),
        ('{"type": "subscribe"}', "type: must be"),
        ('{"type": "ack"}', "ack.tick"),
        ('{"type": "ack", "tick": "7"}', "ack.tick"),
        ('{"type": "ack", "tick": 7.5}', "ack.tick"),
        ('{"type": "ack", "tick": true}', "ack.tick"),
        ('{"type": "ack", "tick": 1e3}', "ack.tick"),
        ('{"type": "ack", "tick": 99999999999999999999999}', "ack.tick"),
        ('{"type": "view"}', "view.bbox: must be"),
        ('{"type": "view", "bbox": {}}', "view.bbox: must be"),
        ('{"type": "view", "bbox": [1, 2, 3]}', "view.bbox: must be"),
        ('{"type": "view", "bbox": [1, 2, 3, 4, 5]}', "view.bbox: must be"),
        ('{"type": "view", "bbox": [1, 2, 3, null]}', "view.bbox: must be"),
        ('{"type": "view", "bbox": [1, 2, 3, true]}', "view.bbox: must be"),
        ('{"type": "view", "bbox": ["1", 2, 3, 4]}', "view.bbox: must be"),
        ('{"type": "view", "bbox": [NaN, 2, 3, 4]}', "not JSON"),
        ('{"type": "view", "bbox": [1e400, 2, 3, 4]}', "not JSON"),
        ('{"type": "view", "bbox": [-1e308, 2, 3, 4]}', "view.bbox: west"),
        ('{"type": "view", "bbox": [-180.001, 2, 3, 4]}', "view.bbox: west"),
        ('{"type": "view", "bbox": [1, -90.1, 3, 4]}', "view.bbox: south"),
        ('{"type": "view", "bbox": [1, 2, 180.1, 4]}', "view.bbox: east"),
        ('{"type": "view", "bbox": [1, 2, 3, 91]}', "view.bbox: north"),
        ('{"type": "view", "bbox": [1, 2, 3, 99999999999999999999999]}', "view.bbox: north"),
        ('{"type": "view", "bbox": [1, 5, 3, 4]}', "south must not be above north"),
        ('{"type": "view", "bbox": [1, 2, 3, 4], "zoom": "7"}', "view.zoom"),
        ('{"type": "view", "bbox": [1, 2, 3, 4], "zoom": 25}', "view.zoom"),
        ('{"type": "view", "bbox": [1, 2, 3, 4], "zoom": -1}', "view.zoom"),
        ('{"type": "rate"}', "rate.every"),
        ('{"type": "rate", "every": 0}', "rate.every"),
        ('{"type": "rate", "every": 61}', "rate.every"),
        ('{"type": "rate", "every": 1.0}', "rate.every"),
        ('{"type": "rate", "every": true}', "rate.every"),
    ],
)
def test_messages_that_are_not(text, complaint):
    with pytest.raises(ClientMessageError) as caught:
        parse_client(text)
    assert complaint in str(caught.value)


@given(st.binary() | st.text())
def test_whatever_a_viewer_sends_is_a_message_or_a_complaint(text):
    try:
        message = parse_client(text)
    except ClientMessageError:
        return
    assert message["type"] in ("ack", "view", "rate")
