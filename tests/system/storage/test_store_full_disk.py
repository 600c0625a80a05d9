"""A disk of 1 MiB that fills up: a real file system, with the errors that it really gives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.system.storage.conftest import open_floor
from tests.unit.storage.samples import track
from tests.waiting import until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_stops_answers_and_loses_nothing(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    positions = track(8_000)  # about 0.9 MB in the journal alone
    async with open_floor(f"sqlite:///{small_disk / 'tracker.sqlite'}", small_disk) as floor:
        await floor.store.mover.stop()
        journal = floor.journal
        with capture_logs() as logs:
            commits = [journal.append(positions[n : n + 100]) for n in range(0, 8_000, 100)]
            await until(lambda: journal.failures >= 2)
            assert journal.failing_since is not None
            done = [commit.done for commit in commits]
            assert done == sorted(done, reverse=True), "in order: nothing overtakes what fails"
            assert not all(done)
            stored = journal.committed_positions
            # What is on the disk is what was said to be.
            known = await floor.store.positions("v1", 0, 4e9, limit=10_000)
            assert known == positions[:stored]
            ballast.unlink()
            subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
            await until(lambda: commits[-1].done)
        assert journal.failing_since is None
        events = [e["event"] for e in logs if e["event"].startswith("journal.")]
        assert events[::2] == ["journal.fails"] * (len(events) // 2)
        assert events[1::2] == ["journal.works_again"] * (len(events) // 2)
        assert events
        assert await floor.store.positions("v1", 0, 4e9, limit=10_000) == positions
        await floor.store.drain()
        assert await floor.store.positions("v1", 0, 4e9, limit=10_000) == positions


async def test_a_full_disk_does_not_stop_reading(small_disk: Path) -> None:
    async with open_floor(f"sqlite:///{small_disk / 'tracker.sqlite'}", small_disk) as floor:
        await floor.keep(*track(500))
        (small_disk / "ballast").write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
        commit = floor.journal.append(track(2_000, first=500))
        await until(lambda: floor.journal.failures)
        assert await floor.store.positions("v1", 0, 4e9) == track(500)
        assert not commit.done
        (small_disk / "ballast").unlink()
