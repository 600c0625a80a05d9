"""Commands as messages to the topic on which a device listens for them.

OwnTracks apps get its own `cmd` objects, other devices plain JSON (docs/protocols/mqtt.md). The
number of the packet is the command's reference, so PUBACK says which command has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.mqtt.link import COMMANDS_MOST, Link
from tracker.protocols.mqtt.wire import publish
from tracker.protocols.publications import FOR_DEVICES

INTERVAL_MOST_S = 86_400
TEXT_MOST = 4_096
MOVE_MODE = 2  # of OwnTracks: the mode in which its interval counts

Encoder = Callable[[Link, Command], bytes]


def send(link: Link, command: Command, topic: str, message: bytes) -> bytes:
    """The packet that carries a message. Raises CommandError."""
    reference = command.reference if link.subscriptions[topic] else 0
    if reference and len(link.commands) >= min(COMMANDS_MOST, link.receive_most):
        raise CommandError("the device has acknowledged none of the latest commands")
    data = publish(topic, message, reference, version=link.version)
    if len(data) > link.packet_most:
        raise CommandError(f"the device takes at most {link.packet_most} bytes", value=len(data))
    if reference:
        link.commands[reference] = link.session.ident or ""
    return data


def command_topic(link: Link) -> str:
    """Where the device that spoke last listens for commands. Raises CommandError."""
    ident = link.session.ident
    if ident is None:
        raise CommandError("the device has not named itself")
    if f"{ident}/{FOR_DEVICES}" in link.subscriptions:
        return f"{ident}/{FOR_DEVICES}"
    of_ident = [topic for topic in link.subscriptions if ident in topic.split("/")]
    if not of_ident and len(link.subscriptions) == 1 and not link.several:
        of_ident = list(link.subscriptions)
    if not of_ident:
        raise CommandError(f"{ident} has not subscribed to a topic ending in /{FOR_DEVICES}")
    return of_ident[0]


def is_owntracks(link: Link, topic: str) -> bool:
    """Whether a device is named by its whole topic, as apps of OwnTracks are."""
    ident = link.session.ident or ""
    return "/" in ident and topic == f"{ident}/{FOR_DEVICES}"


def _locate(link: Link, command: Command) -> bytes:
    return _ask(link, command, {"action": "reportLocation"}, {})


def _interval(link: Link, command: Command) -> bytes:
    seconds = interval_s(command, INTERVAL_MOST_S)
    settings = {"_type": "configuration", "monitoring": MOVE_MODE, "locatorInterval": seconds}
    app = {"action": "setConfiguration", "configuration": settings}
    return _ask(link, command, app, {"seconds": seconds})


def _text(link: Link, command: Command) -> bytes:
    return _ask(link, command, None, {"text": text_bytes(command, "utf-8", TEXT_MOST).decode()})


def _plain(link: Link, command: Command) -> bytes:
    return _ask(link, command, None, {})


def _ask(
    link: Link, command: Command, app: Mapping[str, Any] | None, device: Mapping[str, Any]
) -> bytes:
    """One wish in the words of the app, or of devices of one's own."""
    topic = command_topic(link)
    if not is_owntracks(link, topic):
        message = {"id": command.reference, "type": command.kind.value, **device}
    elif app is None:
        raise CommandError(f"OwnTracks has no command {command.kind}", value=command.kind)
    else:
        message = {"_type": "cmd", **app}
    return send(link, command, topic, orjson.dumps(message))


def _custom(link: Link, command: Command) -> bytes:
    """The text as it is, or the `message` of a text that is JSON with a `topic` and a `message`."""
    text = text_bytes(command, "utf-8", TEXT_MOST)
    try:
        stated = orjson.loads(text)
    except ValueError:
        stated = None
    if not isinstance(stated, dict) or stated.keys() != {"topic", "message"}:
        return send(link, command, command_topic(link), text)
    topic, message = stated["topic"], stated["message"]
    if topic not in link.subscriptions:
        raise CommandError("the device has not subscribed to this topic", value=topic)
    plain = message.encode() if isinstance(message, str) else orjson.dumps(message)
    return send(link, command, topic, plain)


COMMANDS: Mapping[CommandKind, Encoder] = {
    CommandKind.LOCATE: _locate,
    CommandKind.INTERVAL: _interval,
    CommandKind.TEXT: _text,
    CommandKind.REBOOT: _plain,
    CommandKind.ENGINE_CUT: _plain,
    CommandKind.ENGINE_RESTORE: _plain,
    CommandKind.CUSTOM: _custom,
}
