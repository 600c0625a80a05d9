"""Commands as messages to the topic on which a device listens for them.

OwnTracks apps get its own `cmd` objects, other devices plain JSON (docs/protocols/mqtt.md). The
number of the packet is the command's reference, so PUBACK says which command has arrived. Where a
device says more than that, its own word is the reply: a location that was asked for, or what is
published to the topic of acknowledgements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import text_bytes
from tracker.protocols.documents import wishes
from tracker.protocols.mqtt.link import COMMANDS_MOST, Link, Sent
from tracker.protocols.mqtt.wire import publish
from tracker.protocols.publications import FOR_DEVICES

Encoder = Callable[[Link, Command], bytes]


def encode(link: Link, command: Command) -> bytes:
    """The packet that carries a command to the device that spoke last. Raises CommandError."""
    topic, message = _stated(link, command)
    if topic is not None:
        return send(link, command, topic, message, final=True)
    topic = command_topic(link)
    if is_owntracks(link, topic):
        located = command.kind is CommandKind.LOCATE
        return send(link, command, topic, wishes.of_owntracks(command), final=not located)
    return send(link, command, topic, wishes.plain(command), final=False)


COMMANDS: Mapping[CommandKind, Encoder] = dict.fromkeys(CommandKind, encode)


def deaf(link: Link, command: Command) -> str:
    """Why the device that spoke last hears no command now; "" where it does."""
    try:
        if _stated(link, command)[0] is None:
            command_topic(link)
    except CommandError as exc:
        return exc.message
    return ""


def send(link: Link, command: Command, topic: str, message: bytes, *, final: bool) -> bytes:
    """The packet that carries a message. Raises CommandError.

    `final`: that it has arrived is the reply.
    """
    reference = command.reference if link.subscriptions[topic] else 0
    if reference and len(link.commands) >= min(COMMANDS_MOST, link.receive_most):
        raise CommandError("the device has acknowledged none of the latest commands")
    data = publish(topic, message, reference, version=link.version)
    if len(data) > link.packet_most:
        raise CommandError(f"the device takes at most {link.packet_most} bytes", value=len(data))
    if reference:
        link.commands[reference] = Sent(link.session.ident or "", final)
    return data


def command_topic(link: Link) -> str:
    """Where the device that spoke last listens for commands. Raises CommandError."""
    ident = link.session.ident
    if ident is None:
        raise CommandError("the device has not named itself")
    for topic in (f"{ident}/{FOR_DEVICES}", *link.reader.command_topics(ident)):
        if topic in link.subscriptions:
            return topic
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


def _stated(link: Link, command: Command) -> tuple[str | None, bytes]:
    """Topic and message of a custom text that is JSON with both; else no topic.

    Raises CommandError for a topic to which the device has not subscribed.
    """
    if command.kind is not CommandKind.CUSTOM:
        return None, b""
    try:
        stated = orjson.loads(text_bytes(command, "utf-8", wishes.TEXT_MOST))
    except ValueError:
        return None, b""
    if not isinstance(stated, dict) or stated.keys() != {"topic", "message"}:
        return None, b""
    topic, message = stated["topic"], stated["message"]
    if topic not in link.subscriptions:
        raise CommandError("the device has not subscribed to this topic", value=topic)
    return topic, message.encode() if isinstance(message, str) else orjson.dumps(message)
