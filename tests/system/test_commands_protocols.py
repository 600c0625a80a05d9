"""Every protocol's commands, there and back, against the simulator's device on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from simulator.protocols import FAMILIES
from tests.inprocess import InProcess, running_tracker
from tests.system.commanding import TICK_S, WITHIN_S, Simulated, hurry
from tracker.commands.kinds import SILENT
from tracker.model import CommandKind
from tracker.protocols.registry import FAMILIES as DECODED
from tracker.web.keys import GATEWAY

pytestmark = pytest.mark.servers

# The simulator's names of editions that are one protocol to the tracker.
SPOKEN = {name: name.split("-")[0] for name in FAMILIES}
ANSWERING = [
    *("frame55", "gt06", "jt808", "jt808-2019", "teltonika", "h02", "watch", "meitrack"),
    *("queclink", "wialon", "gps103", "tk103"),
]
PARAMETERS: dict[str, dict[str, Any]] = {"interval": {"seconds": 60}, "text": {"text": "Halt"}}
CUSTOM = {
    "frame55": "14", "gt06": "STATUS#", "jt808": "8105 04", "teltonika": "getver", "h02": "S26,0",
    "watch": "FIND", "meitrack": "B07,60", "queclink": "AT+GTQSS={password},,,,{serial}$",
    "wialon": "VER?", "gps103": "G", "tk103": "AX01",
}  # fmt: skip
OPTIONS = {"queclink_fri": "AT+GTFRI={password},1,,,,,,{seconds},,,,,,,,,,,,,{serial}$"}
MATRIX = [
    pytest.param(name, kind.value, id=f"{name} {kind.value}")
    for name in ANSWERING
    for kind in CommandKind
    if kind in next(f for f in DECODED if f.name == SPOKEN[name]).decoder.COMMANDS  # type: ignore[attr-defined]
]


@pytest.fixture
async def tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> AsyncIterator[InProcess]:
    """One that waits long for a reply, and short where none will come."""
    hurry(monkeypatch)
    silent = (SPOKEN[name], CommandKind(kind)) in SILENT
    answer_s = 1.0 if silent else 2 * WITHIN_S
    async with running_tracker(
        tmp_path, protocol_options=OPTIONS, command_answer_s=answer_s, tick_interval_s=TICK_S
    ) as one:
        yield one


async def vehicle_of(tracker: InProcess, device: str) -> dict[str, Any]:
    """A device's vehicle with its first position."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = (await tracker.get(f"/api/v1/vehicles?device={device}"))["vehicles"]
            if found and found[0]["position"]:
                vehicle: dict[str, Any] = found[0]
                return vehicle
            await asyncio.sleep(0.02)


async def ended(tracker: InProcess, id_: str) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            command: dict[str, Any] = await tracker.get(f"/api/v1/commands/{id_}")
            if command["ended_time"]:
                return command
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("name", "kind"), MATRIX)
async def test_there_and_back(tracker: InProcess, name: str, kind: str) -> None:
    protocol = SPOKEN[name]
    device = Simulated(FAMILIES[name])
    await device.connect(tracker.app[GATEWAY].port)
    vehicle = await vehicle_of(tracker, device.ident)
    kinds = (await tracker.get(f"/api/v1/vehicles/{vehicle['id']}/command-kinds"))["kinds"]
    assert next(one for one in kinds if one["kind"] == kind)["supported"]
    parameters = PARAMETERS.get(kind, {"text": CUSTOM[protocol]} if kind == "custom" else {})
    async with tracker.session.post(
        f"{tracker.url}/api/v1/vehicles/{vehicle['id']}/commands",
        json={"kind": kind, "parameters": parameters, "confirm": vehicle["device"]},
    ) as response:
        assert response.status == 201, await response.text()
        command = await response.json()
    command = await ended(tracker, command["id"])
    if (protocol, CommandKind(kind)) in SILENT:
        assert command["state"] == "expired"
        assert command["detail"].startswith("no reply")
    else:
        assert command["state"] == "answered", command
        assert command["reply"] or command["detail"] == "confirmed"
        assert [one["state"] for one in command["transitions"]] == ["queued", "sent", "answered"]
    answers = device.driven.answers
    assert answers["command"] + answers["locate"] == 1, "it got the command, once"
    assert not answers["damaged"]
    await device.close()
