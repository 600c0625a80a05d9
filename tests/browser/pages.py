"""Pages in Debian's Chromium that tests look at, and what they complained of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# Bounds for what is broken, not measures: what works comes within a second or two, unless the
# machine stands still meanwhile.
WITHIN_S = 90.0
WITHIN_MS = WITHIN_S * 1000
LOOK_EVERY_MS = 50
LOOKS_AT_REST = 6


class Watched:
    """A page and all that it complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._console)

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def hook(self, call: str):
        """What `window.trackerPage` answers."""
        return self.page.evaluate(f"() => window.trackerPage?.{call}")

    def until(self, call: str, wanted: Callable[[Any], object]):
        """Ask until the answer is what is wanted; the page's policy forbids eval in waits."""
        return self.look(lambda: self.hook(call), wanted, call)

    def look(self, look: Callable[[], Any], wanted: Callable[[Any], object], what: str = "this"):
        """Look until what is seen is what is wanted: what was seen then."""
        deadline = time.monotonic() + WITHIN_S
        while not wanted(seen := look()):
            assert time.monotonic() < deadline, f"{what}: {seen!r} after {WITHIN_S} s"
            self.page.wait_for_timeout(LOOK_EVERY_MS)
        return seen

    def at_rest(self):
        """Where the map looks, once it has been looking there several times."""
        seen: list[object] = []

        def look():
            seen.append(self.hook("view()"))
            return seen[-1]

        return self.look(
            look,
            lambda now: now and seen[-LOOKS_AT_REST:] == [now] * LOOKS_AT_REST,
            "the map at rest",
        )

    def refusals(self, status: int) -> None:
        """The browser itself complains of such an answer; here it was provoked."""
        assert all(str(status) in complaint for complaint in self.complaints)
        self.complaints.clear()


def settled(element: Locator) -> dict[str, float]:
    """Where an element lies once nothing of it moves by itself any more."""
    element.evaluate(
        "(e) => Promise.all(e.getAnimations({subtree: true}).map((one) => one.finished))"
    )
    box = element.bounding_box()
    assert box is not None
    return box
