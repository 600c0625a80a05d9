"""Commands on the page: asked in Chromium, sent by a tracker, answered by simulated devices."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PHONE, Watched
from tests.devices import VALID, Device, ack, login
from tests.nodes import TrackerNode, running_node

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("browser")]

VEHICLES = 12
ANSWERED_WITHIN_MS = 15_000  # a bound for what is broken: a device answers in a second


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[TrackerNode]:
    """A tracker with a fleet of GT06 devices, which answer what they are asked."""
    with running_node(tmp_path_factory.mktemp("node") / "data") as running:
        fleet = subprocess.Popen(
            [
                sys.executable, "-m", "simulator", "fleet", "--vehicles", str(VEHICLES),
                "--to", f"127.0.0.1:{running.device_port}", "--seed", "11", "--protocol", "gt06",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield running
        finally:
            fleet.kill()
            fleet.wait()


def a_vehicle(node: TrackerNode, state: str) -> dict:
    """The fastest in this state, once there is one."""
    deadline = time.monotonic() + ANSWERED_WITHIN_MS / 1000
    while time.monotonic() < deadline:
        listed = node.get(f"/api/v1/vehicles?state={state}")["vehicles"]
        if seen := [one for one in listed if one["position"]]:
            return max(seen, key=lambda one: one["position"]["speed_kmh"])
        time.sleep(0.1)
    raise AssertionError(f"no vehicle is {state}")


def open_commands(watched: Watched, vehicle: dict) -> None:
    """Select the vehicle and open the dialog for it."""
    watched.until("vehicles()", lambda count: count == VEHICLES)
    watched.until("counts()", lambda counts: counts and sum(counts[:3]) == VEHICLES)
    page = watched.page
    page.get_by_test_id("search").fill(vehicle["device"])
    page.get_by_test_id("row").first.click()
    watched.until("selected()", lambda id_: id_ == vehicle["id"])
    page.get_by_test_id("command-start").click()
    expect(page.get_by_test_id("command-dialog")).to_be_visible()
    expect(page.get_by_test_id("command-kind-locate")).to_be_enabled()


def newest(watched: Watched):
    return watched.page.get_by_test_id("command-list").locator("li.command-row").first


def test_a_command_is_sent_answered_and_announced(node, open_page):
    watched = open_page(node)
    open_commands(watched, a_vehicle(node, "moving"))
    page = watched.page
    page.get_by_test_id("command-kind-custom").click()
    expect(page.get_by_test_id("command-send")).to_be_disabled()
    page.get_by_test_id("command-text").fill("STATUS#")
    page.get_by_test_id("command-send").click()
    state = newest(watched).get_by_test_id("command-state")
    expect(state).to_have_text("Done", timeout=ANSWERED_WITHIN_MS)
    expect(newest(watched)).to_contain_text("STATUS#")
    newest(watched).locator("summary").click()
    steps = newest(watched).locator(".command-steps li")
    expect(steps).to_have_count(3)  # waiting, sent, done
    page.get_by_test_id("command-close").click()
    expect(page.get_by_test_id("command-toast")).to_be_visible()
    expect(page.get_by_test_id("command-latest")).to_contain_text("Done")


def test_an_engine_is_cut_only_by_typing_which(node, open_page):
    watched = open_page(node)
    vehicle = a_vehicle(node, "parked")
    open_commands(watched, vehicle)
    page = watched.page
    page.get_by_test_id("command-kind-engine_cut").click()
    send = page.get_by_test_id("command-send")
    expect(send).to_be_disabled()
    page.get_by_test_id("command-confirm").fill("xxxx")
    expect(send).to_be_disabled()
    page.get_by_test_id("command-confirm").fill(vehicle["device"][-4:])
    send.click()
    state = newest(watched).get_by_test_id("command-state")
    expect(state).to_have_text("Done", timeout=ANSWERED_WITHIN_MS)
    stored = node.get(f"/api/v1/vehicles/{vehicle['id']}/commands")["commands"][0]
    assert (stored["kind"], stored["state"]) == ("engine_cut", "answered")
    assert [step["state"] for step in stored["transitions"]] == ["queued", "sent", "answered"]


def test_a_moving_vehicle_keeps_its_engine_and_the_page_says_why(node, open_page):
    watched = open_page(node)
    vehicle = a_vehicle(node, "moving")
    open_commands(watched, vehicle)
    page = watched.page
    page.get_by_test_id("command-kind-engine_cut").click()
    page.get_by_test_id("command-confirm").fill(vehicle["device"][-4:])
    page.get_by_test_id("command-send").click()
    expect(page.get_by_test_id("command-problem")).to_contain_text("km/h")
    assert page.get_by_test_id("command-confirm").input_value()  # nothing typed is lost
    # The browser itself complains of every answer that is not a success.
    assert all("409" in complaint for complaint in watched.complaints)
    watched.complaints.clear()


async def old_news(port: int) -> None:
    """A device whose newest speed is an hour old; it has gone."""
    device = await Device.connect(port, "356307042441013")
    await device.report(time.time() - 3_600, 46.05, 14.5, speed_kmh=0.0, status=VALID)
    await device.close()


def test_that_the_speed_is_not_known_has_to_be_said(tmp_path, open_page):
    with running_node(tmp_path / "data") as alone:
        with ThreadPoolExecutor(1) as aside:  # this thread's loop is the browser's
            aside.submit(asyncio.run, old_news(alone.device_port)).result()
        watched = open_page(alone)
        watched.until("vehicles()", lambda count: count == 1)
        (vehicle,) = alone.get("/api/v1/vehicles")["vehicles"]
        page = watched.page
        page.goto(f"{alone.url}/#vehicle={vehicle['id']}")
        watched.until("selected()", lambda id_: id_ == vehicle["id"])
        page.get_by_test_id("command-start").click()
        page.get_by_test_id("command-kind-engine_cut").click()
        word = page.get_by_test_id("command-unknown")
        expect(word).to_be_hidden()
        page.get_by_test_id("command-confirm").fill(vehicle["device"][-4:])
        page.get_by_test_id("command-send").click()
        expect(page.get_by_test_id("command-problem")).to_contain_text("Tick the box")
        expect(word).not_to_be_checked()
        word.check()
        page.get_by_test_id("command-send").click()
        expect(newest(watched).get_by_test_id("command-state")).to_have_text("Waiting")
        expect(word).to_be_hidden()  # it is said for one command
        (stored,) = alone.get(f"/api/v1/vehicles/{vehicle['id']}/commands")["commands"]
        assert (stored["kind"], stored["speed_unknown"]) == ("engine_cut", True)
        assert all("409" in complaint for complaint in watched.complaints)
        watched.complaints.clear()


def test_on_a_phone_the_dialog_fits(node, open_page):
    watched = open_page(node, viewport=PHONE, has_touch=True)
    watched.until("vehicles()", lambda count: count == VEHICLES)
    vehicle = a_vehicle(node, "parked")
    watched.page.goto(f"{node.url}/#vehicle={vehicle['id']}")
    watched.until("selected()", lambda id_: id_ == vehicle["id"])
    watched.page.locator("#details .sheet-handle").press("Enter")
    watched.page.get_by_test_id("command-start").click()
    expect(watched.page.get_by_test_id("command-kind-interval")).to_be_enabled()
    watched.page.get_by_test_id("command-kind-interval").click()
    box = watched.page.get_by_test_id("command-dialog").bounding_box()
    assert box is not None
    assert box["x"] == 0
    assert box["width"] == PHONE["width"]
    assert box["y"] + box["height"] <= PHONE["height"] + 1
    assert watched.page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]


def test_a_vehicle_that_is_not_on_the_map_can_be_commanded_too(node, open_page):
    """Known by its login, without a position: what is typed is checked against REST's record."""
    with socket.create_connection(("127.0.0.1", node.device_port)) as device:
        device.sendall(login("UNSEEN42"))
        assert device.recv(64) == ack(0x03)
        vehicle = node.get("/api/v1/vehicles?device=UNSEEN42")["vehicles"][0]
        watched = open_page(node, f"/#vehicle={vehicle['id']}")
        watched.until("selected()", lambda id_: id_ == vehicle["id"])
        page = watched.page
        page.get_by_test_id("command-start").click()
        expect(page.get_by_test_id("command-vehicle")).to_have_text("UNSEEN42")
        page.get_by_test_id("command-kind-engine_cut").click()
        page.get_by_test_id("command-confirm").fill("en42")
        page.get_by_test_id("command-send").click()
        # Nobody knows its speed: the server refuses, and the page offers the word for it.
        expect(page.get_by_test_id("command-problem")).to_contain_text("Tick the box")
        assert all("409" in complaint for complaint in watched.complaints)
        watched.complaints.clear()
