"""The documents keep up with the code: settings, addresses, and every word of the live feed."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from aiohttp import web

from tests.unit.builders import T0, live, vehicle
from tracker import cells, frames, hub, lifecycle, loopwatch, wire
from tracker.config import Config
from tracker.devices import (
    certificates,
    connection,
    datagrams,
    dialogue,
    source,
    strangers,
    tls,
    turns,
)
from tracker.model import EventKind, State
from tracker.web import live as live_handler
from tracker.web.openapi import DOCUMENT
from tracker.web.routes import add_routes
from tracker.world import World

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "docs/config.md").read_text("utf-8")
FEED = (ROOT / "docs/live-feed.md").read_text("utf-8")


# Settings -----------------------------------------------------------------------------------------

ENTRY = re.compile(
    r"^### `(?P<key>\w+)`\n\n"
    r"`(?P<variable>\w+)` · default (?:`(?P<default>.*?)`|not set) · (?P<limits>.+)\n\n"
    r"(?P<text>[^#\s](?:.|\n)*?)(?=\n##|\Z)",
    re.MULTILINE,
)
ENTRIES = {entry["key"]: entry for entry in ENTRY.finditer(SETTINGS)}


def test_every_setting_has_its_heading_in_the_order_of_the_code():
    assert re.findall(r"^### `(\w+)`$", SETTINGS, re.MULTILINE) == list(Config.model_fields)
    assert list(ENTRIES) == list(Config.model_fields)


@pytest.mark.parametrize("key", Config.model_fields)
def test_a_setting_is_described_as_it_is(key):
    entry, field = ENTRIES[key], Config.model_fields[key]
    assert entry["variable"] == f"TRACKER_{key.upper()}"
    default = None if entry["default"] is None else tomllib.loads(f"x = {entry['default']}")["x"]
    true = str(field.default) if isinstance(field.default, Path) else field.default
    assert (default, type(default)) == (true, type(true))
    assert len(entry["text"]) > 40
    for stated in limits_of(field):
        assert re.search(rf"(?<![\w.]){re.escape(stated)}(?![\w.]*\d)", entry["limits"]), stated


def limits_of(field: Any) -> list[str]:
    """How the limits of a setting must be stated."""
    bounds = {type(bound).__name__.lower(): bound for bound in field.metadata}
    stated = []
    if "le" in bounds:
        low = f"{bounds['ge'].ge:,.10g}" if "ge" in bounds else f"above {bounds['gt'].gt:,.10g}"
        stated.append(f"{low} to {bounds['le'].le:,.10g}")
    if "maxlen" in bounds:
        longest = bounds["maxlen"].max_length
        stated.append(f"1 to {longest}" if "minlen" in bounds else f"at most {longest}")
    return stated + [
        f"`{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str) and choice
    ]


# Addresses ----------------------------------------------------------------------------------------


def rest_routes() -> set[tuple[str, str]]:
    """(method, path) of every REST address that the server answers."""
    application = web.Application()
    add_routes(application)
    return {
        (route.method.lower(), route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/v1/")
        and route.resource.canonical not in ("/api/v1/live", "/api/v1/openapi.json")
        and route.method != "HEAD"
    }


def test_openapi_describes_what_is_answered_and_nothing_else():
    described = {
        (method, path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in ("get", "put", "post", "patch", "delete")
    }
    assert described == rest_routes()


def test_openapi_refers_only_to_what_it_has():
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(DOCUMENT)))
    assert references
    assert references <= set(DOCUMENT["components"]["schemas"])


# The live feed ------------------------------------------------------------------------------------


def constants(module: Any, key: str) -> set[str]:
    """The values that a module writes under a key: in dicts of its source, or in bytes of JSON."""
    source = Path(module.__file__).read_text("utf-8")
    found = set(re.findall(rf'"{key}":"(\w+)"', source))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    assert isinstance(value, ast.Constant)
                    found.add(value.value)
    return found


def section(heading: str) -> str:
    """The text below a heading, up to the next of its rank or above."""
    rank = heading.partition(" ")[0]
    start = FEED.index(f"\n{heading}") + 1
    end = re.search(rf"^#{{1,{len(rank)}}} ", FEED[start + len(heading) :], re.MULTILINE)
    return FEED[start : start + len(heading) + end.start()] if end else FEED[start:]


def test_every_kind_of_part_has_its_section():
    kinds = constants(wire, "kind") | constants(frames, "kind")
    assert kinds == set(re.findall(r"^### part `(\w+)`", FEED, re.MULTILINE))
    assert len(kinds) == 5


def test_every_message_is_described():
    assert constants(wire, "type") == {"tick", "hello"}
    assert "### `hello`" in FEED
    assert "## `tick`" in FEED
    for kind in wire._CHECKS:
        assert f'{{"type": "{kind}"' in section("## client → server")
    hello = wire.hello(node="", epoch="", now=0, interval_s=1, behind=2, close_after_s=30)
    for name in re.findall(r'"(\w+)":', hello.plain.decode()):
        assert f'"{name}":' in section("### `hello`")


def test_every_column_is_described():
    world = World()
    world.describe(vehicle("a"))
    world.step([live("a")], T0)
    changes = world.step([live("a", 1)], T0 + 1)
    columns = {
        "enter": wire.enter_columns(world, np.array([0]), 0),
        "move": wire.move_columns(world, changes, np.array([0])),
        "state": wire.state_columns(world, np.array([0]), 0),
    }
    cell = section("### part `cell`")
    for member, found in columns.items():
        (text,) = re.findall(rf"\*\*`{member}`\*\*(.*?)(?=\n\*\*`|\Z)", cell, re.DOTALL)
        assert set(found) <= set(re.findall(r"`(\w+)`", text))
    assert "**`leave`**" in cell


def test_states_events_and_errors_are_named():
    states = ", ".join(f'"{state.label}"' for state in State)
    assert f'"states": [{states}]' in FEED
    for kind in EventKind:
        assert f"`{kind.value}`" in section("### part `events`")
    assert '"code": "bad_message"' in section("### part `error`")


def test_every_close_code_is_described():
    codes = {
        value
        for module in (hub, lifecycle, live_handler)
        for name, value in vars(module).items()
        if name.startswith("CLOSE_") and isinstance(value, int) and value >= 1_000
    } | {lifecycle.GOING_AWAY}
    assert {4002, 4008, 1001} <= codes
    described = {int(code) for code in re.findall(r"\b[14]\d{3}\b", section("## Close codes"))}
    assert codes <= described


def test_the_limits_are_stated_as_they_are():
    assert f"(at most {cells.MAX_CELLS})" in FEED
    assert f"at most {live_handler.MAX_MESSAGE_BYTES:,} bytes" in FEED
    assert f"at most {live_handler.MAX_MESSAGES_PER_S} of them a second" in FEED
    assert f"more than {live_handler.FLOOD_PER_S} is cut off" in FEED
    assert hub.MAX_ERRORS_PER_MINUTE == 10
    assert "ten in one minute close\nthe connection with 4002" in FEED
    rules = hub.Rules()
    assert f'"behind_after_ticks": {rules.behind_ticks}' in FEED
    assert f"After {rules.close_after_s:.0f} s behind" in FEED
    assert f'"version": {wire.VERSION},' in FEED


# The devices' ports -------------------------------------------------------------------------------


def test_the_bounds_and_reasons_of_the_devices_page_are_those_of_the_code():
    page = (ROOT / "docs/devices.md").read_text("utf-8")
    for why in strangers.Why:
        assert f"| `{why}` |" in page
    for stated in (
        f"| bytes of each | {strangers.SAMPLE_BYTES} |",
        f"| entries | {strangers.MOST};",
        f"| entries from one address | {strangers.MOST_OF_ADDRESS},",
        f"the first {strangers.PREFIX_BYTES} bytes",
        f"looked at every {certificates.RENEWAL_LOOK_S:.0f} seconds",
        f"more than {loopwatch.STALL_S} s",
        f"{dialogue.MAX_UNSAID:,} a device",
        f"| {turns.TURN_STEPS} a connection, {source.DATAGRAM_STEPS} a datagram;",
        f"| {turns.READ_BYTES:,} bytes a connection |",
        f"wait behind such a one | {datagrams.BEHIND_MOST} |",
        f"served for {turns.SERVE_S * 1000:.0f} ms at a time",
        f"wait {turns.TALKATIVE_TURNS} times within {turns.TALKATIVE_S:.0f} seconds",
        f"must end within {connection.TLS_HANDSHAKE_S:.0f} seconds",
        f"{connection.MAX_NOISE_BYTES:,} without a good one".replace(" without", " bytes without"),
    ):
        assert stated in page, stated
    assert (tls.STEPS_PER_TURN, "eight steps at a time" in page) == (8, True)
