"""What one report in a document says, and readers of values that may be JSON or text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Message, Positions
from tracker.protocols.fields import check_course
from tracker.protocols.reports import Report
from tracker.protocols.textfields import EXTRA_MOST, GREATEST, bad, number

MILLISECONDS_FROM = 10**11  # a Unix time from here on is in milliseconds: in seconds, year 5138
# What a programming language makes of a float, where `number` does not take it.
SCIENTIFIC = re.compile(r"[+-]?\d{1,18}(?:\.\d{0,30})?[eE][+-]?\d{1,3}", re.ASCII)
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
EXTRAS_MOST = 100  # values kept of one report that have no name of ours
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
NAME = re.compile(r"[A-Za-z_][\w.#:-]{0,63}", re.ASCII)


@dataclass(slots=True)
class Said:
    """One report of one device. `local` is a time by the device's own clock, zone unknown."""

    ident: str
    report: Report
    local: bool = False


def identity(value: Any) -> str:
    """The name of a device: a text, or a whole number. Raises DecodeError."""
    if value is None or value == "":
        raise DecodeError("field", "without the identity of a device")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise bad("an identity", str(value))
    if UNREADABLE in value:  # bytes that were no UTF-8: different ones would be one device
        raise bad("an identity", value)
    return value.strip()


def real(value: Any) -> float | None:
    """A finite number, which may be written as a text; None for none at all."""
    kind = type(value)
    if kind is int or (kind is float and math.isfinite(value)):  # nearly always
        return float(value)
    if value is None:
        return None
    if isinstance(value, str):
        if SCIENTIFIC.fullmatch(value) is None:
            return number(value)
        found = float(value)
        if abs(found) > GREATEST:
            raise bad("a number", value)
        return found
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise bad("a number", str(value))
    return float(value)


def amount(value: Any) -> int | float | None:
    """A finite number, whole where it is; None for none at all."""
    if type(value) is int:
        return value
    found = real(value)
    return int(found) if found is not None and found.is_integer() else found


def beside(value: Any) -> int | float | None:
    """An amount that matters less than the report that it stands in: None for what is none."""
    try:
        return amount(value)
    except DecodeError:
        return None


def positive(value: Any) -> float | None:
    """A number that is not below zero; below it stands for unknown."""
    found = real(value)
    return None if found is None or found < 0.0 else found


def angle(value: Any) -> float | None:
    """A course in degrees; below zero it stands for unknown."""
    found = positive(value)
    return None if found is None else check_course(found)


def flag(value: Any) -> bool | None:
    """A truth: JSON's, a number, or a word; None for none at all."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    word = str(value).strip().lower()
    return None if not word else word in ("1", "true", "yes", "on")


def unix(value: Any) -> tuple[float, bool] | None:
    """A moment from Unix seconds, milliseconds or a date, and whether its zone is unknown."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and ("-" in value[1:] or ":" in value):
        return _date(value.strip())
    seconds = real(value)
    if seconds is None:
        return None
    return (seconds / 1000.0 if abs(seconds) >= MILLISECONDS_FROM else seconds), False


def _date(text: str) -> tuple[float, bool]:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp(), False
        return moment.replace(tzinfo=UTC).timestamp(), "T" not in text
    except (ValueError, OverflowError):
        raise bad("a date", text) from None


def alarm(report: Report, value: Any) -> None:
    """An alarm by its name, `lowBattery` or `low_battery`; one that has no name of ours is `other`,
    with what it was called.
    """
    name = str(value).strip()
    if not name:
        return
    ours = HUMP.sub("_", name).lower()
    if ours in ALARMS:
        report.alarm(ours)
    else:
        report.alarm("other")
        report.attributes["alarm_code"] = name[:EXTRA_MOST]


def keep(report: Report, name: str, value: Any) -> None:
    """A value under the name that its sender gave it: numbers, truths and short texts."""
    if not NAME.fullmatch(name) or name in report.attributes:
        return
    if len(report.attributes) >= EXTRAS_MOST:
        return
    if isinstance(value, str):
        report.attributes[name] = value[:EXTRA_MOST]
    elif isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        report.attributes[name] = value


def each(
    records: Sequence[Any], read: Callable[[Any], Said], now: float
) -> list[Said | DecodeError]:
    """The reports of a batch. A bad one does not cost the others: sent again it would be no better.

    Raises DecodeError where none is good.
    """
    found: list[Said | DecodeError] = []
    for record in records:
        try:
            one = read(record)
            one.report.fix(now)  # raises for a place off the Earth
            found.append(one)
        except DecodeError as error:
            found.append(error)
    errors = [one for one in found if isinstance(one, DecodeError)]
    if errors and len(errors) == len(found):
        raise errors[0]
    return found


def messages(reports: list[Report], now: float) -> Iterator[Message]:
    """Messages of the reports of one device, in order: positions beside each other in one."""
    fixes = []
    for report in reports:
        fix = report.fix(now)
        if fix is not None:
            fixes.append(fix)
            continue
        if fixes:
            yield Positions(fixes=tuple(fixes))
            fixes = []
        yield report.message(now)
    if fixes:
        yield Positions(fixes=tuple(fixes))


def beside_member(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within a JSON object that matters less than it: empty for what is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def member(record: Mapping[str, Any], name: str, kind: type) -> Any:
    """A member of a JSON object that has to be of a kind, None if it is not there."""
    value = record.get(name)
    if value is not None and not isinstance(value, kind):
        raise DecodeError("field", f"{name} is not of kind {kind.__name__}", str(value).encode())
    return value
