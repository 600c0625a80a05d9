"""The dispatcher's page in Chromium, over a whole tracker process and a simulated fleet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.pages import DESKTOP, PHONE, Watched
from tests.nodes import TrackerNode, running_node

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("browser")]

VEHICLES = 30


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[TrackerNode]:
    """A tracker with a fleet that reports to it once a second."""
    with running_node(tmp_path_factory.mktemp("node") / "data") as running:
        fleet = drive(running)
        try:
            yield running
        finally:
            fleet.kill()
            fleet.wait()


def drive(node: TrackerNode) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "simulator", "fleet", "--vehicles", str(VEHICLES),
            "--to", f"127.0.0.1:{node.device_port}", "--seed", "7",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def ready(watched: Watched) -> None:
    watched.until("vehicles()", lambda count: count == VEHICLES)
    watched.until("counts()", lambda counts: counts and counts[0] > 0)


def a_moving_device(watched: Watched, node: TrackerNode) -> str:
    listed = node.get("/api/v1/vehicles?state=moving")["vehicles"]
    fastest = max(listed, key=lambda vehicle: vehicle["position"]["speed_kmh"])
    return str(fastest["device"])


def test_vehicles_move_and_glide_between_ticks(node, open_page):
    watched = open_page(node)
    ready(watched)
    device = a_moving_device(watched, node)
    drawn = []
    for _ in range(20):  # three seconds, many more looks than ticks
        vehicle = watched.hook(f"vehicle('{device}')")
        drawn.append((vehicle["drawnLat"], vehicle["drawnLon"]))
        watched.page.wait_for_timeout(150)
    assert len(set(drawn)) > 6  # jumps would give one place per tick: three or four


def test_what_is_drawn_is_what_the_server_knows(node, open_page):
    watched = open_page(node)
    ready(watched)
    parked = node.get("/api/v1/vehicles?state=parked")["vehicles"]
    for vehicle in parked[:5]:
        seen = watched.hook(f"vehicle('{vehicle['device']}')")
        assert seen["id"] == vehicle["id"]
        assert seen["lat"] == pytest.approx(vehicle["position"]["lat"], abs=2e-4)
        assert seen["lon"] == pytest.approx(vehicle["position"]["lon"], abs=2e-4)


def test_a_click_on_the_map_selects_and_shows_details(node, open_page):
    watched = open_page(node)
    ready(watched)
    device = node.get("/api/v1/vehicles?state=parked")["vehicles"][0]["device"]
    watched.page.wait_for_timeout(1500)  # the first fit of the map has come to rest
    vehicle = watched.hook(f"vehicle('{device}')")
    watched.page.mouse.click(vehicle["x"], vehicle["y"])
    chosen = watched.until("selected()", lambda found: found is not None)
    details = watched.page.get_by_test_id("details")
    expect(details).to_be_visible()
    name = node.get(f"/api/v1/vehicles/{chosen}")["name"]
    expect(watched.page.get_by_test_id("details-name")).to_have_text(name)
    watched.page.keyboard.press("Escape")
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
    watched.page.wait_for_timeout(3000)
    vehicle = watched.hook(f"vehicle('{device}')")
    assert 0 < vehicle["x"] < DESKTOP["width"]
    assert 0 < vehicle["y"] < DESKTOP["height"]


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
    counts = watched.hook("counts()")
    shown = watched.until("shown()", lambda shown: shown < VEHICLES)
    assert abs(shown - counts[2]) <= 2  # one may start or stop in between
    expect(watched.page.get_by_test_id("filter-chip")).to_be_visible()


def test_the_address_carries_the_view(node, open_page):
    device = node.get("/api/v1/vehicles")["vehicles"][0]
    watched = open_page(node, f"/#vehicle={device['id']}")
    ready(watched)
    assert watched.until("selected()", lambda found: found == device["id"])
    expect(watched.page.get_by_test_id("details")).to_be_visible()


def test_the_pill_follows_a_server_that_is_killed_and_started_again(tmp_path, open_page):
    with running_node(tmp_path / "data") as node:
        fleet = drive(node)
        try:
            watched = open_page(node)
            ready(watched)
            pill = watched.page.get_by_test_id("pill")
            expect(pill).to_have_attribute("data-state", "live", timeout=10_000)
            node.kill()
            expect(pill).not_to_have_attribute("data-state", "live", timeout=10_000)
            expect(watched.page.get_by_test_id("banner")).to_be_visible(timeout=10_000)
            node.start()
            expect(pill).to_have_attribute("data-state", "live", timeout=40_000)
            expect(watched.page.get_by_test_id("banner")).to_be_hidden()
            ready(watched)
            # A refused connection is the browser's own complaint, and was provoked here.
            watched.complaints[:] = [c for c in watched.complaints if "WebSocket" not in c]
            watched.complaints[:] = [c for c in watched.complaints if "ERR_CONNECTION" not in c]
        finally:
            fleet.kill()
            fleet.wait()


def test_the_pill_follows_a_server_that_freezes(tmp_path, open_page):
    with running_node(tmp_path / "data") as node:
        watched = open_page(node)
        pill = watched.page.get_by_test_id("pill")
        expect(pill).to_have_attribute("data-state", "live", timeout=10_000)
        node.freeze()
        expect(pill).not_to_have_attribute("data-state", "live", timeout=10_000)
        node.thaw()
        expect(pill).to_have_attribute("data-state", "live", timeout=40_000)


def test_a_fleet_that_is_empty_says_how_to_begin(tmp_path, open_page):
    with running_node(tmp_path / "data") as node:
        watched = open_page(node)
        expect(watched.page.get_by_test_id("empty")).to_be_visible(timeout=10_000)
        expect(watched.page.get_by_test_id("empty-command")).to_contain_text("simulator fleet")
        expect(watched.page.get_by_test_id("empty-address")).to_contain_text(str(node.device_port))


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
    ready(watched)
    make_hidden(watched, hidden=True)
    watched.page.wait_for_timeout(2_000)
    before = node.metric("tracker_frames_sent_total")
    watched.page.wait_for_timeout(10_000)
    assert node.metric("tracker_frames_sent_total") - before <= 2  # of ten ticks
    assert watched.hook("vehicles()") == VEHICLES
    make_hidden(watched, hidden=False)
    tick = watched.hook("tick()")
    watched.until("tick()", lambda now: now > tick + 2)
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
