"""Mistakes are told to the log, and not all of them."""

from __future__ import annotations

from structlog.testing import capture_logs

from tracker.mqtt.mistakes import LOG_EVERY_S, Mistakes


def test_the_log_hears_of_one_at_a_time():
    mistakes = Mistakes()
    with capture_logs() as logs:
        for second in range(25):
            try:
                raise RuntimeError(second)
            except RuntimeError:
                mistakes.tell("failed", float(second), broker="b")
    assert LOG_EVERY_S == 10
    assert [(one["event"], one["untold"], one["broker"]) for one in logs] == [
        ("failed", 0, "b"),
        ("failed", 9, "b"),
        ("failed", 9, "b"),
    ]
    assert all(one["exc_info"] for one in logs)
    assert mistakes.untold == 4
