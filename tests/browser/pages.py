"""Pages in Debian's Chromium that tests look at, and what they complained of."""

from __future__ import annotations

from playwright.sync_api import Page

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

    def until(self, call: str, wanted, seconds: float = 20.0):
        """Ask until the answer is what is wanted; the page's policy forbids eval in waits."""
        for _ in range(int(seconds * 20)):
            answer = self.hook(call)
            if wanted(answer):
                return answer
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{call}: {answer!r} after {seconds} s")
