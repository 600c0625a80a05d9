"""/admin/devices in Chromium: what it shows, what its buttons do, light and dark, everywhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.pages import DESKTOP, PHONE, WITHIN_S
from tests.devices import heartbeat, login
from tests.nodes import TrackerNode, running_node
from tests.system.commanding import call

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("admin")]

NOISE = b"\xff\xfe" + b"<b>no markup</b>" + bytes(range(0x80, 0xF0))


def say(node: TrackerNode, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", node.device_port), WITHIN_S) as device:
        device.sendall(data)
        device.recv(100)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[TrackerNode]:
    with running_node(tmp_path_factory.mktemp("admin") / "data", unknown_devices="pending") as node:
        yield node


@pytest.fixture
def node(shared) -> TrackerNode:
    """A node that remembers nothing that it did not understand."""
    status, _ = call(shared, "DELETE", "/api/v1/devices/unknown")
    assert status == 200
    return shared


def test_an_empty_page_says_so(node, open_page):
    page = open_page(node, "/admin/devices").page
    expect(page.get_by_test_id("unknown-none")).to_be_visible()
    expect(page.get_by_test_id("pending")).to_be_empty()
    expect(page.get_by_test_id("ports")).to_contain_text("every protocol")
    expect(page.get_by_test_id("clear")).to_be_hidden()
    assert page.title() == "Devices · Tracker"


def test_what_was_not_understood_is_shown_as_it_was_and_cleared(node, open_page):
    page = open_page(node, "/admin/devices").page
    for _ in range(2):
        say(node, NOISE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.sendto(b"SSH-2.0-x", ("127.0.0.1", node.device_port))
    entries = page.get_by_test_id("unknown").locator("li")
    expect(entries).to_have_count(2)
    noise = entries.filter(has_text="TCP")
    expect(noise).to_contain_text("ff fe 3c 62 3e 6e 6f 20  6d")
    expect(noise).to_contain_text("..<b>no markup</")
    expect(noise).to_contain_text("2 ×")
    expect(noise).to_contain_text(f"port {node.device_port}")
    expect(entries.filter(has_text="UDP")).to_contain_text("begins like SSH")
    page.get_by_test_id("clear").click()
    expect(entries).to_have_count(0)
    assert node.get("/api/v1/devices/unknown")["unknown"] == []


def test_a_device_is_admitted(node, open_page):
    say(node, login("1001"))
    page = open_page(node, "/admin/devices").page
    page.get_by_test_id("admit-1001").click()
    expect(page.get_by_test_id("pending")).to_be_empty()
    (vehicle,) = node.get("/api/v1/vehicles")["vehicles"]
    assert vehicle["status"] == "active"
    say(node, login("1001") + heartbeat())
    row = page.get_by_test_id("damage").locator("tr", has_text="frame55")
    expect(row).to_contain_text("none")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_and_is_dressed(node, open_page, viewport, scheme):
    say(node, NOISE)
    page = open_page(node, "/admin/devices", viewport=viewport, color_scheme=scheme).page
    expect(page.get_by_test_id("unknown").locator("li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    surface = page.evaluate("getComputedStyle(document.querySelector('.admin-card')).background")
    assert ("rgb(255, 255, 255)" in surface) == (scheme == "light")
    page.get_by_test_id("theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != scheme


def test_in_the_other_language(node, open_page):
    page = open_page(node, "/admin/devices", locale="zh-CN").page
    expect(page.get_by_role("heading", name="等待准入")).to_be_visible()
    page.get_by_test_id("language").click()
    expect(page.get_by_role("heading", name="Waiting for admission")).to_be_visible()


def test_the_map_leads_here(node, open_page):
    page = open_page(node).page
    page.locator("#help").click()
    page.get_by_test_id("admin-devices").click()
    expect(page.get_by_test_id("unknown-none")).to_be_visible()


@pytest.fixture
def guarded_node(tmp_path) -> Iterator[TrackerNode]:
    """Outlives the page that looks at it, where it is named before `open_page`."""
    with running_node(tmp_path / "data", admin_token="hush") as running:
        yield running


def test_a_token_is_asked_for_where_one_is_set(guarded_node, open_page):
    watched = open_page(guarded_node, "/admin/devices")
    page = watched.page
    page.clock.install()
    page.reload()
    field = page.get_by_test_id("token")
    expect(field).to_be_visible()
    expect(page.get_by_test_id("ports")).to_be_hidden()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []  # nothing is asked before there is a token, and nothing called wrong
    expect(page.get_by_test_id("error")).to_be_hidden()
    field.fill("wrong")
    field.press("Enter")
    expect(page.get_by_test_id("error")).to_contain_text("not the right one")
    field.fill("hush")
    field.press("Enter")
    expect(page.get_by_test_id("ports")).to_contain_text("every protocol")
    expect(page.get_by_test_id("error")).to_be_hidden()
    # What a browser writes about an answer of 401 is no complaint of the page's.
    watched.complaints[:] = [line for line in watched.complaints if "401" not in line]
