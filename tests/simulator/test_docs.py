"""docs/simulator.md: every command, option, fault and field of the report has its place in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import typer

import simulator
from simulator.cli import app
from simulator.faults import FaultRates
from simulator.protocols import FAMILIES
from simulator.trips.compose import FILES

from .test_counting import outcome

TEXT = (Path(simulator.__file__).parents[1] / "docs" / "simulator.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
# Their members are figures named elsewhere: percentiles, close codes, protocols, faults.
OPEN_FIELDS = {
    "answers", "by_missing", "by_repeated", "closes", "faults", "lag_ms", "lateness_ms",
    "protocols", "sent_to_seen", "stalled_closes", "tick_to_frame",
}  # fmt: skip


def field_names(document: object) -> Iterator[str]:
    """The names of all fields of the report, members of open ones excepted."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            if name not in OPEN_FIELDS:
                yield from field_names(value)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_heading_and_each_option_is_named(name: str) -> None:
    assert f"\n## `simulator {name}" in TEXT
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in TEXT, option


def test_each_field_of_the_report_is_explained() -> None:
    for name in field_names(outcome().to_json()):
        assert f"`{name}`" in TEXT, name


def test_each_fault_protocol_and_trip_is_named() -> None:
    faults = [one.name.replace("_", "-") for one in fields(FaultRates)]
    for name in (*faults, *FAMILIES, *FILES):
        assert f"`{name}`" in TEXT, name
