"""What tests of the page share: a browser, and pages that may not complain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.pages import CHROMIUM, DESKTOP, FLAGS, WITHIN_MS, Watched
from tests.nodes import TrackerNode


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=WITHIN_MS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, request):
    """Open the page; at the end of the test nothing may have been complained of."""
    opened: list[Watched] = []

    def open_(node: TrackerNode, path: str = "/", **options) -> Watched:
        options = {"viewport": DESKTOP, "color_scheme": "dark", "locale": "en-GB"} | options
        context = browser.new_context(**options)
        context.set_default_timeout(WITHIN_MS)
        request.addfinalizer(context.close)
        watched = Watched(context.new_page())
        opened.append(watched)
        watched.page.goto(node.url + path)
        watched.page.wait_for_selector("[data-test=app]")
        return watched

    yield open_
    for watched in opened:
        assert watched.complaints == []
