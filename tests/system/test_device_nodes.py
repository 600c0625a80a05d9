"""A whole node and the simulator's devices over TLS; and the administrator's page in a browser."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from tests import programs
from tests.certificates import Authority
from tests.devices import login
from tests.nodes import TrackerNode, running_node
from tests.servers import free_port
from tests.waiting import PATIENCE_S, until_told

pytestmark = pytest.mark.servers

PROTOCOLS = ("gt06", "jt808", "teltonika", "h02", "wialon", "frame55", "osmand", "meitrack")
EACH = 2
DRIVE_S = 3.0
PATIENT = ("--give-up-after", str(PATIENCE_S))
HASTY = ("--give-up-after", "2")


def simulate(node: TrackerNode, *more: str, port: int | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "simulator", "fleet", "--rate", "1", "--burst"]
    command += ["--to", f"127.0.0.1:{port or node.device_port}", "--duration", str(DRIVE_S)]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False)


def speakers(node: TrackerNode) -> dict[str, int]:
    """How many vehicles of each protocol are shown somewhere."""
    counted: dict[str, int] = {}
    for vehicle in node.get("/api/v1/vehicles")["vehicles"]:
        if vehicle["position"] is not None:
            counted[vehicle["protocol"]] = counted.get(vehicle["protocol"], 0) + 1
    return counted


def certified(folder: Path) -> tuple[Authority, dict[str, str]]:
    folder.mkdir()
    authority = Authority(folder)
    return authority, {key: str(value) for key, value in authority.settings().items()}


async def test_a_fleet_of_many_protocols_over_tls(tmp_path: Path) -> None:
    """Every position is acknowledged, or the simulator does not end with 0."""
    authority, settings = certified(tmp_path / "pki")
    with running_node(tmp_path / "data", **settings) as node:
        count = len(PROTOCOLS) * EACH
        options = ["--vehicles", str(count), "--protocol", ",".join(PROTOCOLS), *PATIENT]
        tls = ["--tls", "--ca", str(authority.ca_file)]
        ended = await asyncio.to_thread(simulate, node, *options, *tls)
        assert ended.returncode == 0, ended.stderr
        await until_told(lambda: speakers(node) == dict.fromkeys(PROTOCOLS, EACH))
        # OsmAnd's devices connect for each report; the others stay.
        assert node.metric("tracker_tls_connections_total") >= count
        assert node.metric("tracker_tls_handshakes_unfinished") == 0
        assert node.metric("tracker_device_strangers") == 0


async def test_devices_that_do_not_trust_us_stay_away(tmp_path: Path) -> None:
    _, settings = certified(tmp_path / "pki")
    other, _ = certified(tmp_path / "other")
    with running_node(tmp_path / "data", **settings) as node:
        options = ["--vehicles", "1", "--protocol", "gt06", *HASTY]
        options += ["--tls", "--ca", str(other.ca_file)]
        ended = await asyncio.to_thread(simulate, node, *options)
        assert ended.returncode != 0
        assert node.get("/api/v1/vehicles")["total"] == 0
        (kept,) = node.get("/api/v1/devices/unknown")["unknown"]
        assert (kept["reason"], kept["mark"]) == ("tls_failed", "tls")


async def test_dedicated_ports_with_and_without_tls(tmp_path: Path) -> None:
    authority, settings = certified(tmp_path / "pki")
    gt06, secure = free_port(), free_port()
    ports = {
        f"127.0.0.1:{gt06}": ["gt06"],
        f"127.0.0.1:{secure}": {"protocols": ["jt808", "wialon"], "tls": "required"},
    }
    settings["device_ports"] = orjson.dumps(ports).decode()
    with running_node(tmp_path / "data", **settings) as node:
        options = ["--vehicles", "2", "--protocol", "gt06", *PATIENT]
        ended = await asyncio.to_thread(simulate, node, *options, port=gt06)
        assert ended.returncode == 0, ended.stderr
        tls = ["--tls", "--ca", str(authority.ca_file)]
        options = ["--vehicles", "4", "--first", "100", "--protocol", "jt808,wialon", *tls]
        options += PATIENT
        ended = await asyncio.to_thread(simulate, node, *options, port=secure)
        assert ended.returncode == 0, ended.stderr
        await until_told(lambda: speakers(node) == {"gt06": 2, "jt808": 2, "wialon": 2})


def test_a_bad_certificate_or_port_ends_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "FORKED", False)
    authority, settings = certified(tmp_path / "pki")
    nowhere = {"tls_certificate": str(authority.folder / "nowhere.pem")}
    wrong_names = {"device_ports": '{"127.0.0.1:5023": ["gt6"]}'}
    for wrong, message in ((nowhere, "nowhere.pem"), (wrong_names, "no protocol 'gt6'")):
        with pytest.raises(AssertionError, match=message):
            TrackerNode(tmp_path / "data", settings | wrong).start()
        (line,) = (tmp_path / "data.log").read_text().splitlines()
        assert line.startswith("tracker: TRACKER_")
        (tmp_path / "data.log").unlink()


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    """The files are looked at every ten seconds, which is waited for once, here."""
    authority, settings = certified(tmp_path / "pki")
    with running_node(tmp_path / "data", **settings) as node:
        first = shown(node, authority)
        authority.write()
        deadline = time.monotonic() + 2 * PATIENCE_S
        while shown(node, authority) == first:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert node.metric("tracker_tls_renewals_total") == 1


def shown(node: TrackerNode, authority: Authority) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", node.device_port), 20) as raw,
        authority.client().wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(login("1001"))
        found = wrapped.getpeercert(binary_form=True)
        assert found is not None
        return found
