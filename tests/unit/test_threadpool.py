"""A pool's threads are there before the first job: none is started by whoever brings one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.inprocess import running_tracker
from tracker.threadpool import WORKERS, started
from tracker.web import keys


def named(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def test_all_threads_run() -> None:
    pool = started(3, "pool-of-three")
    assert len(named("pool-of-three")) == 3
    assert pool.submit(threading.current_thread).result().name.startswith("pool-of-three")
    pool.shutdown()
    assert named("pool-of-three") == []


async def test_a_node_starts_no_thread_once_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of it: REST, the history, the state of its parts."""
    async with running_tracker(tmp_path) as tracker:
        assert len(named("worker")) >= WORKERS
        begun: list[str] = []
        start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            begun.append(thread.name)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", noted)
        for path in ("/readyz", "/api/v1/vehicles", "/api/v1/devices", "/"):
            async with tracker.session.get(tracker.url + path) as answer:
                assert answer.status in (200, 503)  # not ready before its first tick
        store = tracker.app[keys.STORE]
        for _ in range(5):
            await store.ping()
            await store.load_vehicles()
        assert begun == []
