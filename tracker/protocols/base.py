"""The contract of a device protocol, and the messages that come out of one.

A decoder belongs to one connection. It is fed bytes and asked for messages, and it has three
answers: a message, None (needs more bytes), or `DecodeError` (a bad frame was skipped; call again,
it goes on behind it). Nothing else comes out of it, whatever bytes go in. It never touches a
socket and never reads a clock: `Session.now` is set by the caller before each `receive_data`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tracker.errors import DecodeError
from tracker.model import NOTHING, Command, CommandKind, Fix
from tracker.records import record


class Room(Protocol):
    """Room for a command in one answer, where a device asks and cannot be called (HTTP)."""

    def deaf(self, command: Command) -> str:
        """Why the device would not take this command from this answer; "" where it does."""
        ...

    def encode(self, command: Command) -> bytes:
        """What carries the command. Raises CommandError."""
        ...

    def filled(self, frame: bytes) -> bytes:
        """The whole answer with a command in it."""
        ...


@dataclass(slots=True)
class Session:
    """What a decoder may know of its device and its listener, handed to it and shared with it.

    `ident` is set by the decoder when the device has named itself. `utc_offset_s` is the offset of
    the device's clock from UTC where its vehicle record states one (None: the protocol's default).
    `auth_key` is the node's secret, from which a protocol that hands out codes derives them.
    `silence_s` is set by the decoder where the device states how long it may say nothing (None:
    three of its family's heartbeats). `farewell`, where a decoder sets it, gives what the device
    left to be said should its connection be lost; it is called once, when that has happened.
    `room` is set by a decoder whose device asks and cannot be called: asked behind a message with
    an answer, it gives the room for a command in that answer, None where there is none. `deaf` is
    set where a device may not listen yet: why it would not take a command now, "" where it does.
    """

    now: float = 0.0
    ident: str | None = None
    utc_offset_s: int | None = None
    auth_key: bytes = b""
    options: Mapping[str, Any] = NOTHING  # per-listener switches, named in docs/protocols/
    silence_s: float | None = None
    farewell: Callable[[], Iterable[Message | DecodeError]] | None = None
    room: Callable[[], Room | None] | None = None
    deaf: Callable[[Command], str] | None = None

    def utc(self, stated: float | None) -> float | None:
        """A time by the device's clock in UTC, which that is in unless the record says otherwise:
        for protocols whose default it is.
        """
        return None if stated is None else stated - (self.utc_offset_s or 0)


@dataclass(frozen=True, slots=True)
class Message:
    """What a device said. `answer` is what to write back, b"" for nothing.

    With `durable` the answer promises storage: it is written only when every position of this
    message is on disk. Answers of one connection leave in the order of their messages.
    """

    answer: bytes = b""
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Login(Message):
    """The device names itself. Always comes before the first other message of a connection.

    `ident` is the identity as reported. `refusal` is written in place of `answer` when the device
    is not allowed, before the connection is closed.
    """

    ident: str = ""
    refusal: bytes = b""
    attributes: Mapping[str, Any] = NOTHING


@record
@dataclass(frozen=True, slots=True)
class Positions(Message):
    """One or more fixes, in the order of the frame."""

    fixes: tuple[Fix, ...] = ()


@record
@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """The device is there; perhaps it states its battery, signal or ignition as well."""

    ignition: bool | None = None
    alarms: tuple[str, ...] | None = None  # None: says nothing of alarms
    attributes: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class Alarm(Message):
    """An alarm without a position of its own (with one, it rides in `Fix.alarms`)."""

    alarms: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = NOTHING


NOBODYS = 0  # no command has this reference


@dataclass(frozen=True, slots=True)
class Reply(Message):
    """The device's answer to a command. `reference` is the command's, None where not stated, and
    NOBODYS of one that states another's.

    Without `final` it only says that the question arrived: the answer is still to come. With
    `to_kind` it can be the answer to commands of that kind alone.
    """

    reference: int | None = None
    success: bool | None = None
    text: str = ""
    fixes: tuple[Fix, ...] = ()
    final: bool = True
    to_kind: CommandKind | None = None


@dataclass(frozen=True, slots=True)
class Notice(Message):
    """Anything else worth keeping: device information, parameters, text, passthrough data."""

    kind: str = ""
    attributes: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class Logout(Message):
    """The device says goodbye; the connection may be closed after the answer."""


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """A whole frame was turned down, and its answer says so in the protocol's own words.

    May come before Login, and is never durable. `reason` is a short stable word, like the kinds of
    DecodeError. With `last` the connection is of no use after it.
    """

    reason: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True)
class Aside(Message):
    """An answer to something that concerns no device, such as an empty batch.

    May come before Login, and is never durable. With `last` the connection ends with it.
    """

    last: bool = False


class Decoder(Protocol):
    """One per connection, sans-I/O."""

    name: str  # the protocol's name, as in the registry and in metrics

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut."""
        ...

    def next_message(self) -> Message | None:
        """The next message, or None when more bytes are needed.

        Raises DecodeError for a frame that was skipped; the next call goes on behind it.
        """
        ...

    def encode(self, command: Command) -> bytes:
        """The frame that carries a command to this device. Raises CommandError if none can."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet."""
        ...


# A connection is told apart by at most this many of its first bytes: the first frame of every
# device we know fits, and so little can be held for each stranger.
PROBE_LIMIT = 256


class Match(enum.Enum):
    """What a probe makes of the first bytes of a connection."""

    NO = "no"
    MORE = "more"  # could still become this protocol
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Family:
    """One protocol in the registry.

    `probe` looks at the first bytes only and must decide within 256 of them. `heartbeat_s` is the
    period at which a healthy device of this protocol says something; a connection silent for
    three of them is closed. `carrier` names what carries the protocol, where it does not come
    bare (`http`). `shared`: several devices may take turns on one connection, as behind a proxy,
    and one device may come on several at once.
    """

    name: str
    title: str
    probe: Callable[[bytes], Match]
    decoder: Callable[[Session], Decoder]
    heartbeat_s: float = 30.0
    carrier: str | None = None
    shared: bool = False
