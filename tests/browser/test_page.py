"""The dispatcher's page in Chromium, over a whole tracker process and a simulated fleet."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import orjson
import pytest
from playwright.sync_api import expect

from tests.browser.pages import DESKTOP, PHONE, WITHIN_S, Watched
from tests.nodes import TrackerNode, running_node

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("browser")]

VEHICLES = 30
GLIDING = 4  # places within one tick: a jump makes two, where it was and where it is
HIDDEN_EVERY = 10  # ticks; the page's own, of static/js/feed.js

# Watches vehicles at every frame until one of them was drawn at several places within one tick.
GLIDE = """
async ([devices, places, seconds]) => {
  const seen = new Map();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    for (const device of devices) {
      const vehicle = window.trackerPage.vehicle(device);
      const key = `${device} ${window.trackerPage.tick()}`;
      if (!seen.has(key)) seen.set(key, new Set());
      const drawn = seen.get(key).add(`${vehicle.drawnLat} ${vehicle.drawnLon}`);
      if (drawn.size >= places) return [...drawn];
    }
  }
  return [];
}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[TrackerNode]:
    """A tracker with a fleet that reports to it once a second."""
    with running_node(tmp_path_factory.mktemp("node") / "data") as running:
        fleet = drive(running)
        try:
            wait_for_fleet(running)
            yield running
        finally:
            fleet.kill()
            fleet.wait()


def drive(node: TrackerNode) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "simulator", "fleet", "--vehicles", str(VEHICLES), "--burst",
            "--to", f"127.0.0.1:{node.device_port}", "--seed", "7",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def vehicles(node: TrackerNode, state: str = "") -> list[dict]:
    """Those that have a position."""
    asked = f"?state={state}" if state else ""
    listed = node.get(f"/api/v1/vehicles{asked}")["vehicles"]
    return [vehicle for vehicle in listed if vehicle["position"]]


def wait_for_fleet(node: TrackerNode) -> None:
    """Until all have reported, some drive and some are parked."""
    deadline = time.monotonic() + WITHIN_S
    while len(vehicles(node)) < VEHICLES or not (
        vehicles(node, "moving") and vehicles(node, "parked")
    ):
        assert time.monotonic() < deadline, "the fleet has not come"
        time.sleep(0.1)


def ready(watched: Watched) -> None:
    watched.until("vehicles()", lambda count: count == VEHICLES)
    watched.until("counts()", lambda counts: counts and counts[0] > 0)


def a_moving_device(watched: Watched, node: TrackerNode) -> str:
    listed = watched.look(lambda: vehicles(node, "moving"), bool, "vehicles that move")
    fastest = max(listed, key=lambda vehicle: vehicle["position"]["speed_kmh"])
    return str(fastest["device"])


def test_vehicles_move_and_glide_between_ticks(node, open_page):
    watched = open_page(node)
    ready(watched)
    devices = [vehicle["device"] for vehicle in vehicles(node)]
    places = watched.page.evaluate(GLIDE, [devices, GLIDING, WITHIN_S])
    assert len(places) >= GLIDING


def test_what_is_drawn_is_what_the_server_knows(node, open_page):
    """Both go on meanwhile: compared is the same fix here and there."""
    watched = open_page(node)
    ready(watched)
    compared: set[str] = set()

    def compare() -> set[str]:
        for vehicle in vehicles(node):
            seen, known = watched.hook(f"vehicle('{vehicle['device']}')"), vehicle["position"]
            fix_time = dt.datetime.fromisoformat(known["fix_time"]).timestamp()
            if abs(seen["fixTime"] / 1000 - fix_time) > 0.5:
                continue
            assert seen["id"] == vehicle["id"]
            assert seen["lat"] == pytest.approx(known["lat"], abs=2e-6)
            assert seen["lon"] == pytest.approx(known["lon"], abs=2e-6)
            compared.add(vehicle["device"])
        return compared

    watched.look(compare, lambda devices: len(devices) >= VEHICLES // 2, "fixes to compare")


# A vehicle that is parked and on the map where nothing covers it, and where it is in the window.
IN_SIGHT = """
(devices) => {
  const map = document.getElementById("map");
  for (const device of devices) {
    const { x, y } = window.trackerPage.vehicle(device);
    if (map.contains(document.elementFromPoint(x, y))) return [x, y];
  }
  return null;
}
"""


def test_a_click_on_the_map_selects_and_shows_details(node, open_page):
    watched = open_page(node)
    ready(watched)
    page = watched.page
    page.keyboard.press("c")  # the whole fleet
    watched.at_rest()
    parked = [
        vehicle["device"]
        for vehicle in watched.look(lambda: vehicles(node, "parked"), bool, "parked vehicles")
    ]
    page.mouse.click(*watched.look(lambda: page.evaluate(IN_SIGHT, parked), bool, "one in sight"))
    chosen = watched.until("selected()", lambda found: found is not None)
    details = page.get_by_test_id("details")
    expect(details).to_be_visible()
    name = node.get(f"/api/v1/vehicles/{chosen}")["name"]
    expect(page.get_by_test_id("details-name")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    assert watched.hook("selected()") is None


def test_a_row_selects_and_follow_keeps_the_vehicle_in_view(node, open_page):
    watched = open_page(node)
    ready(watched)
    device = a_moving_device(watched, node)
    watched.page.get_by_test_id("search").fill(device)
    watched.page.get_by_test_id("row").first.click()
    watched.page.get_by_test_id("follow").click()
    watched.until("following()", lambda following: following == "on")

    def in_view(vehicle: dict) -> bool:
        return 0 < vehicle["x"] < DESKTOP["width"] and 0 < vehicle["y"] < DESKTOP["height"]

    before = watched.until(f"vehicle('{device}')", in_view)

    def gone_on(vehicle: dict) -> bool:
        assert in_view(vehicle)
        return (vehicle["lat"], vehicle["lon"]) != (before["lat"], before["lon"])

    watched.until(f"vehicle('{device}')", gone_on)


def test_search_filters_the_list_and_clear_brings_all_back(node, open_page):
    watched = open_page(node)
    ready(watched)
    device = node.get("/api/v1/vehicles")["vehicles"][3]["device"]
    watched.page.get_by_test_id("search").fill(device)
    expect(watched.page.locator("[data-test=row]:visible")).to_have_count(1)
    assert watched.hook("shown()") == 1
    watched.page.get_by_test_id("search").fill("no such vehicle")
    expect(watched.page.get_by_test_id("list-empty")).to_be_visible()
    watched.page.get_by_test_id("filter-clear").click()
    watched.until("shown()", lambda shown: shown == VEHICLES)


def test_a_counter_filters_by_state(node, open_page):
    watched = open_page(node)
    ready(watched)
    watched.page.get_by_test_id("counter-parked").click()
    look = "() => [window.trackerPage.shown(), window.trackerPage.counts()[2]]"
    watched.look(
        lambda: watched.page.evaluate(look),
        lambda both: both[0] == both[1] < VEHICLES,
        "the parked",
    )
    expect(watched.page.get_by_test_id("filter-chip")).to_be_visible()


def test_the_address_carries_the_view(node, open_page):
    device = node.get("/api/v1/vehicles")["vehicles"][0]
    watched = open_page(node, f"/#vehicle={device['id']}")
    ready(watched)
    assert watched.until("selected()", lambda found: found == device["id"])
    expect(watched.page.get_by_test_id("details")).to_be_visible()


def test_the_pill_follows_a_server_that_freezes(node, open_page):
    watched = open_page(node)
    pill = watched.page.get_by_test_id("pill")
    expect(pill).to_have_attribute("data-state", "live")
    node.freeze()
    try:
        expect(pill).not_to_have_attribute("data-state", "live")
    finally:
        node.thaw()
    expect(pill).to_have_attribute("data-state", "live")


@pytest.fixture
def empty_node(tmp_path) -> Iterator[TrackerNode]:
    """Outlives the page that looks at it, where it is named before `open_page`."""
    with running_node(tmp_path / "data") as running:
        yield running


def test_a_fleet_that_is_empty_says_how_to_begin(empty_node, open_page):
    page = open_page(empty_node).page
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.get_by_test_id("empty-command")).to_contain_text("simulator fleet")
    expect(page.get_by_test_id("empty-address")).to_contain_text(str(empty_node.device_port))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_spills_and_both_languages_are_complete(node, open_page, scheme, size):
    watched = open_page(node, viewport=size, color_scheme=scheme)
    ready(watched)
    page = watched.page
    spill = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(spill) == 0
    expect(page.locator("html")).to_have_attribute("lang", "en")
    if size is DESKTOP:
        page.get_by_test_id("language").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.get_by_test_id("counter-moving")).to_contain_text("行驶")
        assert page.evaluate(spill) == 0


def make_hidden(watched: Watched, *, hidden: bool) -> None:
    """Headless Chromium does not hide a page behind another: the event is made as it would come."""
    watched.page.evaluate(
        """(hidden) => {
          const define = (name, value) =>
            Object.defineProperty(document, name, { get: () => value, configurable: true });
          define("visibilityState", hidden ? "hidden" : "visible");
          define("hidden", hidden);
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_hidden_tab_asks_for_less_and_comes_back_with_a_full_picture(node, open_page):
    watched = open_page(node)
    ticks: list[int] = []

    def received(payload: str | bytes) -> None:
        message = orjson.loads(payload)
        if message["type"] == "tick":
            ticks.append(message["tick"])

    watched.page.on("websocket", lambda feed: feed.on("framereceived", received))
    watched.page.reload()
    ready(watched)
    make_hidden(watched, hidden=True)
    hidden_at = ticks[-1]
    # The server thins the feed by the number of the tick, so the gap before the first may be short.
    watched.look(
        lambda: [after - before for before, after in pairwise(ticks) if after > hidden_at],
        lambda gaps: max(gaps, default=0) > HIDDEN_EVERY / 2,
        "ticks that were left out",
    )
    assert ticks[-1] % HIDDEN_EVERY == 0
    watched.until("tick()", lambda tick: tick == ticks[-1])  # it is taken all the same
    assert watched.hook("vehicles()") == VEHICLES
    make_hidden(watched, hidden=False)
    back_at = ticks[-1]
    watched.look(
        lambda: [tick for tick in ticks if tick > back_at],
        lambda since: any(tick % HIDDEN_EVERY for tick in since),
        "ticks at the usual rate",
    )
    watched.until("vehicles()", lambda count: count == VEHICLES)


def test_the_page_works_without_a_network_and_draws_land(node, open_page):
    watched = open_page(node)
    ready(watched)
    requested: list[str] = []
    watched.page.on("request", lambda request: requested.append(request.url))
    watched.page.reload()
    ready(watched)
    assert requested
    assert all(url.startswith((node.url, "ws://127.0.0.1", "data:")) for url in requested)


def test_the_pill_follows_a_server_that_is_killed_and_started_again(node, open_page):
    """The last one: the fleet comes back in its own time."""
    watched = open_page(node)
    ready(watched)
    pill = watched.page.get_by_test_id("pill")
    banner = watched.page.get_by_test_id("banner")
    expect(pill).to_have_attribute("data-state", "live")
    node.kill()
    expect(pill).not_to_have_attribute("data-state", "live")
    expect(banner).to_be_visible()
    node.start()
    expect(pill).to_have_attribute("data-state", "live")
    expect(banner).to_be_hidden()
    ready(watched)
    # Connections that are refused or cut are the browser's own complaints, and were provoked here.
    own = ("WebSocket", "net::ERR_")
    watched.complaints[:] = [c for c in watched.complaints if not any(word in c for word in own)]
