"""What a device can be asked: which kinds its protocol carries, with what parameters.

The limits are found by asking the encoder, so they cannot differ from what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from tracker.commands import life
from tracker.commands.rehearsal import SECONDS_MOST, TEXT_MOST, known, rehearse
from tracker.errors import CommandError
from tracker.model import NOTHING, Command, CommandKind
from tracker.protocols.base import Family

# (protocol, kind) to which devices send no reply: docs/protocols/ and docs/commands.md. Positions
# that come afterwards prove nothing, for they come in any case.
SILENT = frozenset(
    {
        ("gps103", CommandKind.LOCATE),  # one position, with the keyword of all others
        ("tk103", CommandKind.INTERVAL),  # BR00 at the new interval, and nothing before
        ("xexun", CommandKind.ENGINE_CUT),  # the words of an SMS, which the line does not answer
        ("xexun", CommandKind.ENGINE_RESTORE),
        ("xexun", CommandKind.CUSTOM),
        ("nmea", CommandKind.CUSTOM),  # there are no commands in NMEA, and no replies
        ("osmand", CommandKind.CUSTOM),  # what runs the text of an answer says nothing of it
        ("owntracks", CommandKind.INTERVAL),  # by HTTP an app answers reportLocation alone
        ("owntracks", CommandKind.CUSTOM),
    }
)
# What goes through any encoder that takes this kind, but for a custom one.
_SAMPLES: Mapping[CommandKind, Mapping[str, Any]] = {
    CommandKind.INTERVAL: {"seconds": 60},
    CommandKind.TEXT: {"text": "A"},
}
# Forms that custom commands have, one of which each encoder takes.
_CUSTOM = (
    "STATUS", "AP01", "A10", "AT+GTRTO={password},1,,,,,,{serial}$", "8105 04", "1200",
    '{"_type":"cmd","action":"dump"}', "*?V", "ST300CMD;{id};02;Preset",
)  # fmt: skip
_HOUR_S, _MINUTE_S = 3600, 60


def silent_kinds(protocol: str) -> frozenset[CommandKind]:
    """The kinds to which devices of a protocol send no reply."""
    return frozenset(kind for name, kind in SILENT if name == protocol)


def describe(
    protocol: str,
    device: str,
    options: Mapping[str, Any] = NOTHING,
    *,
    silent: Container[CommandKind] | None = None,
    barred: Callable[[CommandKind], str] = lambda _: "",
) -> list[dict[str, Any]]:
    """Every kind, and whether and how this device can be asked for it.

    `silent` are kinds to which it does not reply, where that is known better than by its protocol;
    `barred` says why no command of a kind can reach it at all, "" where one can.
    """
    family = known(protocol)
    quiet = silent_kinds(protocol) if silent is None else silent
    found = [_kind(family, device, kind, options, barred(kind)) for kind in CommandKind]
    return [one | {"replies": CommandKind(one["kind"]) not in quiet} for one in found]


def _kind(
    family: Family | None,
    device: str,
    kind: CommandKind,
    options: Mapping[str, Any],
    barred: str,
) -> dict[str, Any]:
    reason, parameters = None, _parameters(kind, SECONDS_MOST, TEXT_MOST)
    if barred:
        reason, parameters = barred, []
    elif family is not None:
        ask = _asker(family, device, kind, options)
        reason, parameters = _why_not(kind, ask), []
        if reason is None:
            seconds = _most_seconds(ask) if kind is CommandKind.INTERVAL else 0
            text = _most(lambda n: ask({"text": "A" * n}) is None, TEXT_MOST)
            parameters = _parameters(kind, seconds, text or TEXT_MOST)
    return {
        "kind": kind.value,
        "supported": reason is None,
        "dangerous": kind in life.DANGEROUS,
        "parameters": parameters,
        "reason": reason,
    }


Ask = Callable[[Mapping[str, Any]], str | None]


def _asker(family: Family, device: str, kind: CommandKind, options: Mapping[str, Any]) -> Ask:
    """A function that says why parameters are refused; None: they are not."""
    decoders = rehearse(family, device, options)

    def ask(parameters: Mapping[str, Any]) -> str | None:
        refused = []
        for decoder in decoders:
            try:
                decoder.encode(Command(kind, 1, parameters))
            except CommandError as exc:
                refused.append(exc.message)
            else:
                return None
        return refused[0]

    return ask


def _why_not(kind: CommandKind, ask: Ask) -> str | None:
    if kind is CommandKind.CUSTOM:
        reasons = [ask({"text": form}) for form in _CUSTOM]
    else:
        reasons = [ask(_SAMPLES.get(kind, {}))]
    if None in reasons:
        return None
    return reasons[0]


def _parameters(kind: CommandKind, seconds: int, text: int) -> list[dict[str, Any]]:
    if kind is CommandKind.INTERVAL:
        return [{"name": "seconds", "type": "integer", "minimum": 1, "maximum": seconds}]
    if kind in (CommandKind.TEXT, CommandKind.CUSTOM):
        # Characters of ASCII: how many of others there is room for depends on the encoding.
        return [{"name": "text", "type": "string", "min_length": 1, "max_length": text}]
    return []


def _most_seconds(ask: Ask) -> int:
    """The longest interval; some devices take longer ones in whole minutes or hours only."""

    def longest(unit_s: int) -> int:
        most = _most(lambda count: ask({"seconds": count * unit_s}) is None, SECONDS_MOST // unit_s)
        return most * unit_s

    return max(longest(1), longest(_MINUTE_S), longest(_HOUR_S))


def _most(takes: Callable[[int], bool], ceiling: int) -> int:
    """The greatest number up to a ceiling that is taken, where smaller ones are; 0 if 1 is not."""
    low, high = 0, ceiling + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(middle) else (low, middle)
    return low
