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
    "model errors logs mappings brokers threadpool",
    "geo config",
    "protocols ticks batch registry world bus storage turns",
    "loopwatch certificates tls strangers ports",
    "fleet cells wire cluster journal saver retention conformance",
    "frames commands",
    "ingest hub polls",
    "dialogue",
    "connection datagrams",
    "gateway ticker history mqtt",
    "web ways",
    "app",
    "cli",
    "__main__",
]
HEIGHT = {room: height for height, line in enumerate(ROOMS) for room in line.split()}

# Time comes in as an argument, bytes go in and out: nothing here waits, opens or looks at a clock.
CORE = {
    "model", "errors", "geo", "protocols", "ingest", "fleet", "ticks", "world", "cells", "wire",
    "frames", "hub", "batch", "registry", "mappings",
}  # fmt: skip
EDGE = {
    "asyncio", "aiohttp", "redis", "sqlalchemy", "sqlite3", "asyncpg", "socket", "ssl", "select",
    "selectors", "threading", "multiprocessing", "concurrent", "subprocess", "time", "sched",
    "signal", "uvloop", "structlog", "logging",
}  # fmt: skip

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
    assert "tracker.gateway" not in {name for name, _ in IMPORTS["tracker.connection"]}


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
