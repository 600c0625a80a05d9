"""Short ways for tests of commands: ask a node, wait for a state, and a device that answers."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from typing import Any

import orjson
import pytest

from simulator.device import Device as SimulatedDevice
from simulator.driven import Driven
from simulator.model import Fix
from simulator.protocols.base import Family
from tests.devices import ack, frame
from tests.nodes import TrackerNode
from tests.waiting import PATIENCE_S

WITHIN_S = PATIENCE_S
TICK_S = 0.2  # of a tracker whose vehicles' first positions are waited for


def call(
    node: TrackerNode, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    data = None if body is None else orjson.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(node.url + path, data, named, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:  # noqa: S310
            return response.status, orjson.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, orjson.loads(error.read())


async def vehicle_of(node: TrackerNode, device: str) -> str:
    """The id of a device's vehicle, as soon as the node knows it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = (await asyncio.to_thread(node.get, f"/api/v1/vehicles?device={device}"))[
                "vehicles"
            ]
            if found:
                return str(found[0]["id"])
            await asyncio.sleep(0.05)


async def ask(node: TrackerNode, vehicle: str, kind: str, **more: Any) -> str:
    """The id of a new command."""
    path = f"/api/v1/vehicles/{vehicle}/commands"
    status, command = await asyncio.to_thread(call, node, "POST", path, {"kind": kind} | more)
    assert status == 201, command
    return str(command["id"])


async def until(node: TrackerNode, command: str, *states: str) -> dict[str, Any]:
    """The command as a node tells it, once its newest transition is one of these."""
    shown: dict[str, Any] = {}
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                status, shown = await asyncio.to_thread(
                    call, node, "GET", f"/api/v1/commands/{command}"
                )
                if status == 200 and shown["transitions"][-1]["state"] in states:
                    return shown
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"not {states}: {shown}") from None


def states(command: dict[str, Any]) -> list[str]:
    """The way that it went."""
    return [one["state"] for one in command["transitions"]]


async def asked(device: Any, code: int, payload: bytes = b"") -> None:
    """The 0x55 device gets this command."""
    expected = frame(code, payload)
    got = await asyncio.wait_for(device.reader.readexactly(len(expected)), WITHIN_S)
    assert got == expected, got.hex(" ")


def confirm(device: Any, code: int, result: int = 0) -> None:
    """The 0x55 device acknowledges a command."""
    device.send(ack(code, result))


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """For devices that have said all of their hellos: nobody waits for more, nor long for time."""
    monkeypatch.setattr("tracker.commands.sending.NAMED_S", 0.1)
    monkeypatch.setattr("tracker.commands.sending.SWEEP_S", 0.2)


class Simulated:
    """A device of the simulator on a real socket: logs in, reports, and obeys."""

    def __init__(self, family: Family, number: int = 1) -> None:
        self.family = family
        self.ident = family.ident(number)
        self.driven = Driven()
        self._device = SimulatedDevice(number, self.ident, family, self.driven)
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, port: int) -> None:
        """Connect and report once; what comes is answered from then on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        for data in self._device.connected(time.time()):
            self._writer.write(data)
        self._task = asyncio.create_task(self._listen(reader, self._writer))
        async with asyncio.timeout(WITHIN_S):
            while not self._device.accepted:
                await asyncio.sleep(0.01)
        self.report()

    def report(self) -> None:
        """A position, with which a device that cannot be called asks for commands."""
        assert self._writer is not None, "not connected"
        here = Fix(time.time(), 46.05, 14.5, 0.0, 90.0, 300.0, 9, True, 1_000.0)
        for data in self._device.take(here, time.time()):
            self._writer.write(data)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            for answer in self._device.received(data, time.time()):
                writer.write(answer)

    async def close(self) -> None:
        """Gone."""
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            await asyncio.wait([self._task])
