"""Fixtures that every test may use, and which files `make check` leaves to `make test`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import programs

pytest_plugins = ["tests.servers"]
# Before anybody imports it, from whichever folder: its asserts are those of the tests.
pytest.register_assert_rewrite(
    "tests.unit.protocols.transcripts",
    "tests.unit.protocols.simulated",
    "tests.unit.protocols.text_damage",
)

# Whole runs in real time, and properties that want thousands of examples: a minute together.
SLOW = {
    "simulator/test_run.py",
    "simulator/test_viewers.py",
    "unit/history/test_history_exports.py",
    "unit/history/test_history_timeline.py",
    "unit/protocols/test_protocol_robustness.py",
    "unit/storage",
}
HERE = Path(__file__).parent

# Thousands of databases are made and synchronised: in memory that costs nothing, and a busy disk
# holds up no test. None survives a power cut in a test; a killed process does not need the disk.
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_LEAST_BYTES = 3 << 30


def pytest_configure() -> None:
    programs.FORKED = True
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free >= MEMORY_LEAST_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(HERE).as_posix()
        if any(path == slow or path.startswith(f"{slow}/") for slow in SLOW):
            item.add_marker(pytest.mark.slow)
