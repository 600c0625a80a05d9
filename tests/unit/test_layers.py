"""The shape of the house: who may import whom, read from the source and not from running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the floor up; a room is a module or a package of tracker/. It imports what stands in lines
# above its own, and within a line nothing but itself.
ROOMS = [
    "records",
    "model errors logs mappings threadpool loopwatch",
    "geo brokers speeds",
    "config",
    "protocols ticks batch registry world bus storage",
    "fleet cells wire shard journal saver retention conformance",
    "frames cluster",
    "ingest hub commands",
    "devices ticker history",
    "mqtt",
    "web ways",
    "lifecycle",
    "app",
    "cli",
    "__main__",
]
HEIGHT = {room: height for height, line in enumerate(ROOMS) for room in line.split()}

# The same within a room: of its modules each imports what stands in lines above its own.
INSIDE = {
    "devices": [
        "ports certificates turns strangers polls",
        "tls",
        "base",
        "dialogue",
        "connection source",
        "gateway",
        "datagrams",
    ],
    "commands": [
        "base life pace rehearsal",
        "table kinds",
        "saver",
        "desk",
        "sending",
        "taking",
    ],
    "mqtt": [
        "latency lines loopsocket mistakes requests tls",
        "lane link",
        "outbox relay",
        "callers delivery",
        "sources",
    ],
}
PLACES = {
    f"tracker.{room}.{name}": height
    for room, lines in INSIDE.items()
    for height, line in enumerate(lines)
    for name in line.split()
}

# Time comes in as an argument, bytes go in and out: nothing here waits, opens or looks at a clock.
CORE = {
    "model", "errors", "geo", "protocols", "ingest", "fleet", "ticks", "world", "cells", "wire",
    "frames", "hub", "batch", "registry", "mappings", "shard", "speeds", "records",
}  # fmt: skip
EDGE = {
    "asyncio", "aiohttp", "redis", "sqlalchemy", "sqlite3", "asyncpg", "socket", "ssl", "select",
    "selectors", "threading", "multiprocessing", "concurrent", "subprocess", "time", "sched",
    "signal", "uvloop", "structlog", "logging",
}  # fmt: skip

# Who makes the parts of all rooms, and who names them for those that handle requests. Everybody
# else does what it does with a few.
KNOW_ALL = {"tracker.app", "tracker.web.keys"}
KNOWN_MOST = 7  # rooms: what the command line needs, and nobody needs more

# (module, what it imports within a function): the reason why that is no edge of the graph. Without
# one it is: a cycle that bites only when a function runs bites in production.
LATE: dict[tuple[str, str], str] = {}


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(f): f for top in ("tracker", "simulator") for f in (ROOT / top).rglob("*.py")}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST, module: str, *, late: bool = False) -> Iterator[tuple[str, bool]]:
    """(module, whether within a function) of every import below a node that happens at run time."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"{module}: relative imports hide who is meant"
            assert child.module
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield (whole if whole in FILES else child.module), late
        else:
            inner = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports(child, module, late=inner)


IMPORTS = {
    module: list(imports(ast.parse(file.read_text("utf-8")), module))
    for module, file in FILES.items()
}
EDGES = {
    module: {name for name, late in found if not (late and (module, name) in LATE)}
    for module, found in IMPORTS.items()
}


def room_of(module: str) -> str:
    return module.split(".")[1]


TRACKER = sorted(m for m in FILES if m.startswith("tracker."))
SIMULATOR = sorted(m for m in FILES if m.split(".")[0] == "simulator")


def test_there_is_something_to_look_at():
    assert len(TRACKER) > 50
    assert len(SIMULATOR) > 20
    assert ("tracker.geo", False) in IMPORTS["tracker.fleet"]
    source = FILES["tracker.devices.connection"].read_text("utf-8")
    assert "import Gateway" in source, "for its type, which is no import here"
    assert "tracker.devices.gateway" not in EDGES["tracker.devices.connection"]


@pytest.mark.parametrize("room", sorted({room_of(module) for module in TRACKER}))
def test_every_room_has_its_place(room):
    assert room in HEIGHT, f"give {room} a place in ROOMS"


def test_every_place_has_its_room():
    assert set(HEIGHT) == {room_of(module) for module in TRACKER}


@pytest.mark.parametrize("module", TRACKER)
def test_a_room_imports_only_rooms_below_it(module):
    room = room_of(module)
    above = {
        name
        for name, _ in IMPORTS[module]
        if name.startswith("tracker.")
        and room_of(name) != room
        and HEIGHT[room_of(name)] >= HEIGHT[room]
    }
    assert not above


def test_every_module_of_an_ordered_room_has_its_place():
    assert set(PLACES) == {
        module for module in TRACKER if room_of(module) in INSIDE and module.count(".") > 1
    }


@pytest.mark.parametrize("module", PLACES)
def test_a_module_imports_only_those_below_it_in_its_room(module):
    above = {
        name
        for name, _ in IMPORTS[module]
        if name in PLACES and room_of(name) == room_of(module) and PLACES[name] >= PLACES[module]
    }
    assert not above


@pytest.mark.parametrize("room", INSIDE)
def test_nobody_goes_through_the_face_of_an_ordered_room(room):
    """Its modules are imported by their names, so that who needs which of them can be read."""
    face = f"tracker.{room}"
    assert not EDGES[face], "it says what is within, and hands on nothing"
    assert not [module for module in FILES if face in EDGES[module]]


def rooms_known_to(module: str) -> set[str]:
    """The other rooms that a module imports from."""
    known = {room_of(name) for name in EDGES[module] if name.startswith("tracker.")}
    return known - {room_of(module)}


def test_only_the_builder_knows_all_rooms():
    """All that there is to make, and beside `web.keys`, which names the parts, it is alone."""
    assert rooms_known_to("tracker.app") >= rooms_known_to("tracker.web.keys")
    many = {module for module in TRACKER if len(rooms_known_to(module)) > KNOWN_MOST}
    assert many == KNOW_ALL


def test_who_starts_the_parts_knows_them_by_their_keys():
    assert {name for name in EDGES["tracker.lifecycle"] if name.startswith("tracker.web")} == {
        "tracker.web.keys"
    }
    parts = rooms_known_to("tracker.web.keys") - {"config", "storage"}
    assert not rooms_known_to("tracker.lifecycle") & parts


@pytest.mark.parametrize("module", [m for m in TRACKER if room_of(m) in CORE])
def test_the_core_neither_waits_nor_opens_anything(module):
    names = {name for name, _ in IMPORTS[module]}
    assert not {name for name in names if name.split(".")[0] in EDGE}
    assert {room_of(name) for name in names if name.startswith("tracker.")} <= CORE


def test_there_are_no_cycles():
    for top in ("tracker", "simulator"):
        graph = {m: {n for n in EDGES[m] if n in FILES} - {m} for m in FILES if m.startswith(top)}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" -> ".join(error.args[1]))


def test_every_late_import_that_is_excused_is_there():
    for (module, name), reason in LATE.items():
        assert (name, True) in IMPORTS[module], f"no longer: {reason}"


@pytest.mark.parametrize("module", SIMULATOR)
def test_the_simulator_shares_no_code_with_what_it_tests(module):
    assert not {name for name, _ in IMPORTS[module] if name.split(".")[0] == "tracker"}


@pytest.mark.parametrize("module", ["tracker", *TRACKER])
def test_the_tracker_knows_nothing_of_the_simulator(module):
    assert not {name for name, _ in IMPORTS[module] if name.split(".")[0] == "simulator"}
