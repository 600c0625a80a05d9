"""Whole tracker processes for tests: started on free ports, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests import programs
from tests.servers import free_port

READY_WITHIN_S = 60.0  # a bound for broken starts, not a measure: a start takes about one second
ANSWER_S = 30.0  # likewise, for an answer
STOP_S = 60.0


@dataclass
class TrackerNode:
    """One `tracker serve` process with a data folder of its own."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    http_port: int = field(default_factory=free_port)
    device_port: int = field(default_factory=free_port)
    process: programs.Forked | subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def feed_url(self) -> str:
        return f"ws://127.0.0.1:{self.http_port}/api/v1/live"

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def start(self) -> TrackerNode:
        """Start and wait until it is ready."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
        environment |= {
            "TRACKER_HTTP": f"127.0.0.1:{self.http_port}",
            "TRACKER_DEVICES": f"127.0.0.1:{self.device_port}",
            "TRACKER_DATA": str(self.data),
            "TRACKER_LOG_FORMAT": "json",
        }
        environment |= {f"TRACKER_{k.upper()}": v for k, v in self.settings.items()}
        start = programs.Forked if programs.FORKED else programs.start_program
        self.process = start("tracker", ["serve"], environment, self.data.parent, self.log)
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the node ended: {self.log.read_text()[-2000:]}")
            try:
                self.get("/healthz")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the node is not ready: {self.log.read_text()[-2000:]}")

    def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(self.url + path, headers=headers or {})  # noqa: S310
        with urllib.request.urlopen(request, timeout=ANSWER_S) as response:  # noqa: S310
            return orjson.loads(response.read())

    def part(self, name: str) -> str:
        """What /readyz says of a part, ready or not."""
        try:
            parts = self.get("/readyz")["parts"]
        except urllib.error.HTTPError as error:
            parts = orjson.loads(error.read())["parts"]
        return str(parts[name])

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        return sum(value for _, value in self._samples(name))

    def buckets(self, histogram: str) -> dict[float, float]:
        """How many observations were at most each bound."""
        return {
            float(labels.partition('le="')[2].partition('"')[0]): count
            for labels, count in self._samples(f"{histogram}_bucket")
        }

    def _samples(self, name: str) -> list[tuple[str, float]]:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=ANSWER_S) as response:  # noqa: S310
            lines = response.read().decode().splitlines()
        found = [x for x in lines if x.startswith((f"{name} ", f"{name}{{"))]
        return [(line.rpartition(" ")[0], float(line.rpartition(" ")[2])) for line in found]

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_S)


@contextmanager
def running_node(data: Path, **settings: str):  # type: ignore[no-untyped-def]
    node = TrackerNode(data, settings)
    try:
        node.start()  # one that is not ready in time is not left behind either
        yield node
    finally:
        node.kill()
