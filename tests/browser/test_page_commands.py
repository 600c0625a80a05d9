"""Commands on the page: asked in Chromium, sent by a tracker, answered by simulated devices."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Route, WebSocketRoute, expect

from simulator.protocols import FAMILIES
from tests.browser.pages import PHONE, WITHIN_S, Watched, settled
from tests.devices import VALID, Device, ack, login
from tests.nodes import TrackerNode, running_node
from tests.system.commanding import Simulated

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("browser")]

Aside = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def aside() -> Iterator[Aside]:
    """Runs coroutines to their end in another thread: this thread's loop is the browser's."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield lambda todo: asyncio.run_coroutine_threadsafe(todo, loop).result(WITHIN_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[TrackerNode]:
    with running_node(tmp_path_factory.mktemp("node") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def standing(node, aside) -> Iterator[dict]:
    """The vehicle of a GT06 device that stands, is connected and answers what it is asked."""
    device = Simulated(FAMILIES["gt06"])
    aside(device.connect(node.device_port))
    yield vehicle_of(node, device.ident)
    aside(device.close())


async def news(port: int, ident: str, age_s: float, speed_kmh: float) -> None:
    """A device tells how fast it was, and leaves."""
    device = await Device.connect(port, ident)
    await device.report(time.time() - age_s, 46.05, 14.5, speed_kmh=speed_kmh, status=VALID)
    await device.close()


def vehicle_of(node: TrackerNode, ident: str) -> dict:
    """A device's vehicle, once its first position is known."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for vehicle in node.get(f"/api/v1/vehicles?device={ident}")["vehicles"]:
            if vehicle["position"]:
                return dict(vehicle)
        time.sleep(0.05)
    raise AssertionError(f"{ident} has not reported")


def selected(watched: Watched, vehicle: dict) -> None:
    """The page knows the vehicle, and it is selected."""
    watched.until(f"vehicle('{vehicle['id']}')", bool)
    watched.until("selected()", lambda id_: id_ == vehicle["id"])


def open_commands(watched: Watched, vehicle: dict) -> None:
    """Select the vehicle and open the dialog for it."""
    watched.until(f"vehicle('{vehicle['id']}')", bool)
    page = watched.page
    page.get_by_test_id("search").fill(vehicle["device"])
    page.get_by_test_id("row").first.click()
    selected(watched, vehicle)
    page.get_by_test_id("command-start").click()
    expect(page.get_by_test_id("command-dialog")).to_be_visible()
    expect(page.get_by_test_id("command-kind-engine_cut")).to_be_enabled()


def newest(watched: Watched):
    return watched.page.get_by_test_id("command-list").locator("li.command-row").first


def test_a_command_is_sent_answered_and_announced(node, standing, open_page):
    watched = open_page(node)
    open_commands(watched, standing)
    page = watched.page
    page.get_by_test_id("command-kind-custom").click()
    expect(page.get_by_test_id("command-send")).to_be_disabled()
    page.get_by_test_id("command-text").fill("STATUS#")
    page.get_by_test_id("command-send").click()
    expect(page.get_by_test_id("command-toast")).to_contain_text(
        "Done"
    )  # for 15 s: looked at first
    expect(newest(watched).get_by_test_id("command-state")).to_have_text("Done")
    expect(newest(watched)).to_contain_text("STATUS#")
    newest(watched).locator("summary").click()
    steps = newest(watched).locator(".command-steps li")
    expect(steps).to_have_count(3)  # waiting, sent, done
    page.get_by_test_id("command-close").click()
    expect(page.get_by_test_id("command-latest")).to_contain_text("Done")


def test_an_engine_is_cut_only_by_typing_which(node, standing, open_page):
    watched = open_page(node)
    open_commands(watched, standing)
    page = watched.page
    send = page.get_by_test_id("command-send")
    expect(send).to_have_text("Send")
    page.get_by_test_id("command-kind-engine_cut").click()
    expect(send).to_have_text("Cut engine")
    expect(send).to_be_disabled()
    confirm = page.get_by_test_id("command-confirm")
    confirm.fill("xxxx")
    expect(send).to_be_disabled()
    confirm.fill(standing["device"][-4:])
    expect(send).to_be_enabled()
    # Whoever leaves and comes back begins anew.
    page.get_by_test_id("command-close").click()
    page.get_by_test_id("command-start").click()
    expect(send).to_have_text("Send")
    page.get_by_test_id("command-kind-engine_cut").click()
    expect(confirm).to_have_value("")
    confirm.fill(standing["device"][-4:])
    send.click()
    expect(newest(watched)).to_contain_text("Cut engine")
    expect(newest(watched).get_by_test_id("command-state")).to_have_text("Done")
    stored = node.get(f"/api/v1/vehicles/{standing['id']}/commands")["commands"][0]
    assert (stored["kind"], stored["state"]) == ("engine_cut", "answered")
    assert [step["state"] for step in stored["transitions"]] == ["queued", "sent", "answered"]


def test_what_is_typed_while_the_server_still_answers_stays(node, standing, open_page):
    """The dialog was open before, so its tiles are there at once: before the server's answer."""
    watched = open_page(node)
    open_commands(watched, standing)
    page = watched.page
    page.get_by_test_id("command-close").click()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/command-kinds", hold)
    page.get_by_test_id("command-start").click()
    page.get_by_test_id("command-kind-engine_cut").click()
    page.get_by_test_id("command-confirm").fill(standing["device"][-4:])
    (route,) = watched.look(lambda: held, bool, "the question")
    with page.expect_response("**/command-kinds"):
        route.continue_()
    expect(page.get_by_test_id("command-send")).to_be_enabled()
    expect(page.get_by_test_id("command-confirm")).to_have_value(standing["device"][-4:])


def test_an_end_that_comes_before_the_answer_is_announced_too(node, standing, open_page):
    """The server's answer to the sending is held back until the device has long answered."""
    watched = open_page(node)
    open_commands(watched, standing)
    page = watched.page
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/commands*", hold)
    page.get_by_test_id("command-kind-locate").click()
    page.get_by_test_id("command-send").click()
    # The dialog follows the events of its vehicle: this one it knows from there.
    expect(newest(watched)).to_contain_text("Locate now")
    expect(newest(watched).get_by_test_id("command-state")).to_have_text("Done")
    expect(page.get_by_test_id("command-toast")).to_have_count(0)
    ((route, answer),) = held
    route.fulfill(response=answer)
    expect(page.get_by_test_id("command-toast")).to_contain_text("Locate now")


def test_an_end_that_comes_while_the_feed_is_away_is_announced_too(node, standing, open_page):
    """Events are told once: what was missed is asked for when the feed is back."""
    watched = open_page(node)
    page = watched.page
    feeds: list[tuple[WebSocketRoute, WebSocketRoute]] = []
    lost: list[str | bytes] = []
    away = False

    def carry(here: WebSocketRoute) -> None:
        there = here.connect_to_server()
        feeds.append((here, there))
        there.on_message(lambda message: lost.append(message) if away else here.send(message))

    page.route_web_socket("**/live", carry)
    page.reload()
    open_commands(watched, standing)
    away = True
    page.get_by_test_id("command-kind-interval").click()
    page.get_by_test_id("command-send").click()
    path = f"/api/v1/vehicles/{standing['id']}/commands?limit=1"
    watched.look(
        lambda: [(one["kind"], one["state"]) for one in node.get(path)["commands"]],
        lambda commands: commands == [("interval", "answered")],
    )
    missed = len(lost)
    watched.look(lambda: len(lost), lambda messages: messages >= missed + 2, "ticks to miss")
    expect(page.get_by_test_id("command-toast")).to_have_count(0)
    away = False
    for end in feeds[-1]:
        end.close(code=1001)
    expect(page.get_by_test_id("command-toast")).to_contain_text("Interval")
    expect(newest(watched).get_by_test_id("command-state")).to_have_text("Done")


def test_a_moving_vehicle_keeps_its_engine_and_the_page_says_why(node, aside, open_page):
    ident = "356307042441020"
    aside(news(node.device_port, ident, 0, 86.0))
    vehicle = vehicle_of(node, ident)
    watched = open_page(node)
    open_commands(watched, vehicle)
    page = watched.page
    page.get_by_test_id("command-kind-engine_cut").click()
    page.get_by_test_id("command-confirm").fill(ident[-4:])
    page.get_by_test_id("command-send").click()
    problem = page.get_by_test_id("command-problem")
    expect(problem).to_contain_text("Refused")
    expect(problem).to_contain_text("86 km/h")
    assert page.get_by_test_id("command-confirm").input_value()  # nothing typed is lost
    watched.refusals(409)


def test_that_the_speed_is_not_known_has_to_be_said(node, aside, open_page):
    """The newest speed is an hour old, and the device has gone."""
    ident = "356307042441013"
    aside(news(node.device_port, ident, 3_600, 0.0))
    vehicle = vehicle_of(node, ident)
    watched = open_page(node, f"/#vehicle={vehicle['id']}")
    selected(watched, vehicle)
    page = watched.page
    page.get_by_test_id("command-start").click()
    page.get_by_test_id("command-kind-engine_cut").click()
    word = page.get_by_test_id("command-unknown")
    expect(word).to_be_hidden()
    page.get_by_test_id("command-confirm").fill(ident[-4:])
    page.get_by_test_id("command-send").click()
    expect(page.get_by_test_id("command-problem")).to_contain_text("Tick the box")
    expect(word).not_to_be_checked()
    word.check()
    page.get_by_test_id("command-send").click()
    expect(newest(watched).get_by_test_id("command-state")).to_have_text("Waiting")
    expect(word).to_be_hidden()  # it is said for one command
    (stored,) = node.get(f"/api/v1/vehicles/{vehicle['id']}/commands")["commands"]
    assert (stored["kind"], stored["speed_unknown"]) == ("engine_cut", True)
    watched.refusals(409)


def test_on_a_phone_the_dialog_fits(node, standing, open_page):
    path = f"/#vehicle={standing['id']}"
    watched = open_page(node, path, viewport=PHONE, has_touch=True)
    selected(watched, standing)
    watched.page.locator("#details .sheet-handle").press("Enter")
    watched.page.get_by_test_id("command-start").click()
    watched.page.get_by_test_id("command-kind-interval").click()
    box = settled(watched.page.get_by_test_id("command-dialog"))
    assert box["x"] == 0
    assert box["width"] == PHONE["width"]
    assert box["y"] + box["height"] <= PHONE["height"] + 1
    assert watched.page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]


def test_a_vehicle_that_is_not_on_the_map_can_be_commanded_too(node, open_page):
    """Known by its login, without a position: what is typed is checked against REST's record."""
    with socket.create_connection(("127.0.0.1", node.device_port), WITHIN_S) as device:
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
        watched.refusals(409)
