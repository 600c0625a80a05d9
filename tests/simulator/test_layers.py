"""What the simulator may import: nothing of the tracker, and no sockets in its pure parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import simulator

ROOT = Path(simulator.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# These wait, listen or send; everything else is a function of its arguments.
ASYNC = {
    "cli", "clock", "crowd", "display", "driver", "interrupt", "link", "play", "rest", "run",
    "viewers", "watch", "__main__",
}  # fmt: skip
ONLY_ASYNC = {"asyncio", "aiohttp", "uvloop", "socket", "time"}


def imported(path: Path) -> Iterator[str]:
    """Top-level names of all that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_comes_from_the_tracker(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] == "tracker"]


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.parent != ROOT or path.stem not in ASYNC],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_pure_parts_know_no_sockets_and_no_clock(path: Path) -> None:
    used = {name.split(".")[0] for name in imported(path)} & ONLY_ASYNC
    if path.stem in {"gt06", "jt808"}:
        used -= {"time"}  # for calendars only, see below
        text = path.read_text(encoding="utf-8")
        assert "time.time(" not in text
        assert "monotonic" not in text
    assert not used
