"""Commands as JSON: in the words of the OwnTracks apps, and in those of devices of one's own.

    {"_type": "cmd", "action": "reportLocation"}
    {"id": 7, "type": "interval", "params": {"seconds": 60}}

A device of one's own says what has become of a command by its `id`:

    {"id": 7, "result": "ok" or "error", "text": "…"}

Source: docs/protocols/owntracks.md and docs/protocols/json.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Reply
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.documents import said

INTERVAL_MOST_S = 86_400
TEXT_MOST = 4_096  # bytes
MOVE_MODE = 2  # of OwnTracks: the mode in which its interval counts
REFERENCE_MOST = 0xFFFF
RESULTS = {"ok": True, "error": False}


def of_owntracks(command: Command) -> bytes:
    """The object that asks an app. Raises CommandError for what apps cannot be asked."""
    if command.kind is CommandKind.LOCATE:
        return orjson.dumps({"_type": "cmd", "action": "reportLocation"})
    if command.kind is CommandKind.INTERVAL:
        seconds = interval_s(command, INTERVAL_MOST_S)
        settings = {"_type": "configuration", "monitoring": MOVE_MODE, "locatorInterval": seconds}
        return orjson.dumps(
            {"_type": "cmd", "action": "setConfiguration", "configuration": settings}
        )
    if command.kind is CommandKind.CUSTOM:
        return text_bytes(command, "utf-8", TEXT_MOST)
    raise CommandError(f"OwnTracks has no command {command.kind}", value=command.kind)


def plain(command: Command) -> bytes:
    """The object that asks a device of one's own. Raises CommandError for wrong parameters."""
    parameters: dict[str, Any] = {}
    if command.kind is CommandKind.INTERVAL:
        parameters["seconds"] = interval_s(command, INTERVAL_MOST_S)
    elif command.kind in (CommandKind.TEXT, CommandKind.CUSTOM):
        parameters["text"] = text_bytes(command, "utf-8", TEXT_MOST).decode()
    return orjson.dumps({"id": command.reference, "type": command.kind.value, "params": parameters})


def acknowledgement(document: Any, answer: bytes = b"") -> Reply:
    """What a device of one's own says of a command; without `id`, of the one under way.

    Raises DecodeError.
    """
    if not isinstance(document, dict):
        raise DecodeError("field", "json: what has become of a command is an object")
    result, text = document.get("result"), document.get("text")
    if not isinstance(result, str) or result not in RESULTS:
        raise DecodeError("field", "json: the result of a command is ok or error")
    if text is not None and not isinstance(text, str):
        raise DecodeError("field", "json: text is not a text")
    return Reply(answer, reference=_reference(document), success=RESULTS[result], text=text or "")


def _reference(document: Mapping[str, Any]) -> int | None:
    stated = said.real(document.get("id"))
    if stated is None:
        return None
    if not stated.is_integer() or not 1 <= stated <= REFERENCE_MOST:
        raise DecodeError("field", f"json: {stated:g} is the id of no command")
    return int(stated)
