"""What one published message says: a topic and a payload in, messages of devices out.

Told apart in this order: a topic that a mapping of the settings names (docs/protocols/json.md);
the topics `tracker/DEVICE/position` and `…/ack`, which need no settings; OwnTracks, by its topic or
by `_type`; flespi, by `ident`. Shared by the MQTT server on the port of the devices, by whoever
listens to a broker, and in part by HTTP, where a path stands for the topic.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from tracker.errors import CommandError, DecodeError
from tracker.mappings import JsonMapping
from tracker.protocols.base import Login, Message, Notice, Reply
from tracker.protocols.documents import flespi, owntracks, said, wishes
from tracker.protocols.documents.mapped import OWN, Mapped, matches
from tracker.protocols.documents.said import Said
from tracker.protocols.documents.sealed import KIND as ENCRYPTED
from tracker.protocols.documents.sealed import Secrets

OPTION = "publications"  # of a Session: the node's Reader
USERS = "mqtt_users"  # of a Session: passwords by user name; empty: nobody is asked
PAYLOAD_MOST = 65_536  # bytes: some hundreds of positions
TOPIC_MOST = 1_024  # bytes: several times what any device uses
LEVELS_MOST = 32
# Topics whose readers are remembered: a large node's devices, some 6 MB, or 40 MB at the worst.
ROUTES_MOST = 20_000
REMEMBERED_MOST = 128  # characters of such a topic
FOR_DEVICES = "cmd"  # the last level of a topic that is ours to publish, not a device's

Item = Message | DecodeError


class Use(enum.Enum):
    """What a topic is for."""

    REPORTS = "reports"
    COMMANDS = "commands"  # ours to publish
    ACKNOWLEDGEMENTS = "acknowledgements"  # of commands


class Route(NamedTuple):
    """What is known of a message by its topic alone."""

    levels: tuple[str, ...]
    ident: str | None  # of an OwnTracks device, or of whoever acknowledges a command
    mapped: Mapped | None
    mine: bool = False  # OwnTracks by its first level
    use: Use = Use.REPORTS


class Acknowledged(NamedTuple):
    """Whose word on a command it is, and what it says."""

    ident: str
    reply: Reply


class Address(NamedTuple):
    """Where a device listens for commands, and in which words."""

    topic: str
    owntracks: bool


class Reader:
    """Reads messages by the settings of a node. One serves all connections."""

    def __init__(
        self, mappings: Iterable[JsonMapping] = (), secrets: Mapping[str, str] | None = None
    ) -> None:
        self._mapped = [Mapped(mapping) for mapping in mappings]
        self._own = Mapped(OWN)
        self._secrets = Secrets(secrets or {})
        self._routes: dict[str, Route] = {}

    def read(self, topic: str, payload: bytes, now: float, answer: bytes = b"") -> list[Item]:
        """What a message says, received at Unix time `now`.

        For each device in it a Login, then what it reports; before all, a DecodeError for each
        report of several that cannot be read. Nothing at all for an empty payload, by which a
        retained message is deleted, and for what is meant for a device. The last message carries
        `answer`, which waits for storage. Raises DecodeError where nothing can be read.
        """
        route = self._routes.get(topic) or self._route(topic)
        if not payload:
            return []
        if len(payload) > PAYLOAD_MOST:
            raise DecodeError("length", f"a payload of {len(payload)} bytes", payload)
        if route.use is Use.COMMANDS:
            return []
        try:
            document = orjson.loads(payload)
        except ValueError as error:
            raise DecodeError("json", f"{topic[:60]}: no JSON: {error}", payload) from None
        if route.use is Use.ACKNOWLEDGEMENTS:
            reply = wishes.acknowledgement(document, answer)
            return [Login(ident=said.identity(route.ident)), reply]
        if route.mapped is not None:
            return told(route.mapped.read(route.levels, document, now), now, answer)
        if isinstance(document, dict):
            if route.mine or "_type" in document:
                return self.owntracks(document, said.identity(route.ident), now, answer)
            if "ident" in document:
                return told(flespi.read([document], now), now, answer)
        elif isinstance(document, list):
            return told(flespi.read(document, now), now, answer)
        raise DecodeError("topic", f"{topic[:60]}: no mapping, and JSON of none that we know")

    def owntracks(
        self, record: Mapping[str, Any], ident: str, now: float, answer: bytes = b""
    ) -> list[Item]:
        """What a message of OwnTracks says, as of `read`. Raises DecodeError.

        An encrypted one that cannot be opened is counted, and acknowledged all the same: the app
        would repeat it for ever.
        """
        items: list[Item] = [Login(ident=ident)]
        if record.get("_type") == ENCRYPTED:
            try:
                record = self._secrets.open(record, ident)
            except DecodeError as error:
                attributes = {"kind": ENCRYPTED}
                items.append(Notice(answer, durable=True, kind="unknown", attributes=attributes))
                return [error, *items]
        items.append(owntracks.read(record, now, answer))
        return items

    def for_commands(self, topic: str) -> bool:
        """Whether a topic is one on which devices listen. Raises DecodeError for what is none."""
        return (self._routes.get(topic) or self._route(topic)).use is Use.COMMANDS

    def command_topics(self, ident: str) -> Iterator[str]:
        """Where a device listens that is not of OwnTracks, by each mapping in turn."""
        for mapped in (*self._mapped, self._own):
            topic = None if mapped.commands is None else mapped.commands.topic(ident)
            if topic is not None:
                yield topic

    def address(self, topic: str, ident: str) -> Address:
        """Where the device listens that has just reported under a topic. Raises CommandError."""
        route = self._routes.get(topic) or self._route(topic)
        if route.mapped is None:
            if ident != route.ident:
                raise CommandError(f"nothing is known of where {ident} listens", value=topic)
            return Address(f"{ident}/{FOR_DEVICES}", owntracks=True)
        if route.mapped.commands is None:
            raise CommandError("the mapping of its topic has no command_topic", value=topic)
        found = route.mapped.commands.topic(ident)
        if found is None:
            raise CommandError(f"{ident} cannot be a level of a topic", value=ident)
        return Address(found, owntracks=False)

    def by_path(
        self, path: str, document: Any, now: float
    ) -> list[Said | DecodeError] | Acknowledged | None:
        """What JSON says that came by HTTP; None where no mapping names its path."""
        route = self._routes.get(path) or self._route(path)
        if route.mapped is None or route.use is Use.COMMANDS:
            return None
        if route.use is Use.ACKNOWLEDGEMENTS:
            return Acknowledged(said.identity(route.ident), wishes.acknowledgement(document))
        found = route.mapped.read(route.levels, document, now)
        if len(found) == 1 and isinstance(found[0], Said):
            found[0].report.fix(now)  # raises for a place off the Earth
        return found

    def _route(self, topic: str) -> Route:
        """Who reads what is published under a topic; remembered. Raises DecodeError."""
        if not topic or "\0" in topic or len(topic) > TOPIC_MOST:
            raise DecodeError("topic", "no topic", topic.encode("utf-8", "replace"))
        levels = tuple(topic.split("/"))
        if len(levels) > LEVELS_MOST:
            raise DecodeError(
                "topic", f"a topic of {len(levels)} levels", topic.encode("utf-8", "replace")
            )
        route = self._told_apart(topic, levels)
        if len(topic) <= REMEMBERED_MOST:
            if len(self._routes) >= ROUTES_MOST:
                self._routes.clear()
            self._routes[topic] = route
        return route

    def _told_apart(self, topic: str, levels: tuple[str, ...]) -> Route:
        for mapped in (*self._mapped, self._own):
            for form, use in (
                (mapped.commands, Use.COMMANDS), (mapped.acknowledgements, Use.ACKNOWLEDGEMENTS),
            ):  # fmt: skip
                ident = None if form is None else form.ident(levels)
                if ident is not None:
                    return Route(levels, ident, mapped, use=use)
            if matches(mapped.topic, levels):
                return Route(levels, None, mapped)
        if levels[-1] == FOR_DEVICES:
            return Route(levels, None, None, use=Use.COMMANDS)
        ident = owntracks.ident_of_topic(topic)
        return Route(levels, ident, None, mine=levels[0] == owntracks.BASE)


def told(reports: list[Said | DecodeError], now: float, answer: bytes = b"") -> list[Item]:
    """Messages of reports: what is wrong first, then each device in turn; the last one answers."""
    if len(reports) == 1 and isinstance(reports[0], Said):  # nearly always
        one = reports[0]
        return [Login(ident=one.ident), one.report.message(now, answer)]
    items: list[Item] = [each for each in reports if isinstance(each, DecodeError)]
    for ident, group in by_ident(reports):
        items.append(Login(ident=ident))
        items += said.messages([each.report for each in group], now)
    last = items[-1] if items else None  # an empty list says nothing
    if isinstance(last, Message):
        items[-1] = dataclasses.replace(last, answer=answer, durable=True)
    return items


def by_ident(reports: list[Said | DecodeError]) -> Iterator[tuple[str, list[Said]]]:
    """The good ones, those beside each other that are of one device together."""
    good = (each for each in reports if isinstance(each, Said))
    for ident, group in groupby(good, key=lambda each: each.ident):
        yield ident, list(group)


PLAIN = Reader()  # without any settings


def reader_of(options: Mapping[str, Any]) -> Reader:
    """The Reader that a Session's options hold, or one without settings."""
    found = options.get(OPTION)
    return found if isinstance(found, Reader) else PLAIN
