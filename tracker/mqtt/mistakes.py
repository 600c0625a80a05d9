"""Mistakes of ours, as the log hears of them: the first with its traceback, and then a few.

Each is counted and answered where it happens; but whoever brings one to light may do so a thousand
times a second, and a traceback takes some 50 ms to be written.
"""

from __future__ import annotations

import math

import structlog

LOG_EVERY_S = 10.0

_log = structlog.get_logger(__name__)


class Mistakes:
    """Those of one part."""

    def __init__(self) -> None:
        self.untold = 0  # since the last that was logged
        self._logged = -math.inf

    def tell(self, event: str, now: float, **more: object) -> None:
        """Log the exception that is being handled, if none was just now. `now` is in seconds."""
        if now - self._logged < LOG_EVERY_S:
            self.untold += 1
            return
        _log.exception(event, untold=self.untold, **more)
        self._logged, self.untold = now, 0
