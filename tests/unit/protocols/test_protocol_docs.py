"""The pages under docs/protocols say what the code does: every protocol, option, name and kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import tracker.protocols
from tests.unit.protocols.transcripts import cases_of
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Family
from tracker.protocols.frame55 import point
from tracker.protocols.gt06 import blocks, messages
from tracker.protocols.jt808 import location, vendor
from tracker.protocols.registry import FAMILIES

DOCS = Path(__file__).parents[3] / "docs" / "protocols"
SOURCES = Path(tracker.protocols.__file__).parent

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def page(family: Family) -> str:
    return (DOCS / f"{family.name}.md").read_text()


def names_in(text: str) -> set[str]:
    """What stands in backquotes."""
    return set(re.findall(r"`([^`\s]+)`", text))


def expectations(family: Family) -> Iterator[Mapping[str, Any]]:
    """Messages and fixes of all transcripts of a protocol."""
    for case in cases_of(family):
        for step in case["steps"]:
            for wanted in step.get("expect", ()):
                yield wanted
                yield from wanted.get("fixes", ())


@every_family
def test_every_protocol_has_a_page_that_the_index_names(family: Family) -> None:
    assert page(family).startswith(f"# `{family.name}`")
    assert f"({family.name}.md)" in (DOCS / "README.md").read_text()


@every_family
def test_pages_say_what_they_must(family: Family) -> None:
    headings = re.findall(r"^## (.+)$", page(family), re.MULTILINE)
    assert any(heading.startswith("Setting up") for heading in headings)
    assert any(heading.startswith("From the") for heading in headings)


@every_family
def test_every_attribute_is_explained(family: Family) -> None:
    known = names_in((DOCS / "README.md").read_text()) | names_in(page(family))
    for wanted in expectations(family):
        if wanted.get("kind") == "settings":
            continue  # the device's own names
        assert wanted.get("attributes", {}).keys() <= known


@every_family
def test_every_notice_and_alarm_is_explained(family: Family) -> None:
    index = names_in((DOCS / "README.md").read_text())
    for wanted in expectations(family):
        assert wanted.get("kind", "text") in index
        assert set(wanted.get("alarms") or ()) <= ALARMS.keys()


@every_family
def test_every_option_is_explained(family: Family) -> None:
    written = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    options = set(re.findall(rf'options\.get\("({family.name}_\w+)"', written))
    assert options <= names_in(page(family))


def test_every_alarm_is_in_the_index_with_its_meaning() -> None:
    index = (DOCS / "README.md").read_text()
    for name, meaning in ALARMS.items():
        assert f"| `{name}` | {meaning} |" in index
    assert list(ALARMS) == sorted(ALARMS)


def test_alarm_names_in_the_code_are_in_the_table() -> None:
    """Whatever a decoder calls an alarm has a meaning."""
    tables = (
        point.ALARMS,
        blocks.ALARM_CODES,
        blocks.STATUS_ALARMS,
        messages.CAMERA_EVENTS,
        location.ALARMS,
        location.OLD_ALARMS,
        vendor.ADAS_ALARMS,
        vendor.DRIVER_ALARMS,
    )
    for table in tables:
        assert set(table.values()) <= ALARMS.keys()
