"""What every decoder of a stream does alike: queue, cut, decode, name the device, encode.

A protocol adds three things: `cut` takes the next whole frame from the buffer, `decode` turns a
frame into messages (by a table of kinds), and `COMMANDS` says how commands are written. This
module sees to it that whatever happens in there comes out as a message, None or DecodeError.
"""

from __future__ import annotations

import abc
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Login, Message, Session
from tracker.protocols.buffer import ReceiveBuffer

FrameT = TypeVar("FrameT")
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])
KeyT = TypeVar("KeyT")

# What a handler returns: one message, or several in order, perhaps not worked out before they are
# asked for. A DecodeError among them stands for a part of the frame that was skipped, such as one
# position of a batch.
Outcome = Message | Iterable[Message | DecodeError]


def items(outcome: Outcome) -> Iterable[Message | DecodeError]:
    """What a handler returns, one by one."""
    return (outcome,) if isinstance(outcome, Message) else outcome


# What a handler can trip over in a frame that is shorter or stranger than its kind allows.
STUMBLES = (DecodeError, struct.error, IndexError, ValueError, OverflowError)


def handles(table: dict[KeyT, HandlerT], *kinds: KeyT) -> Callable[[HandlerT], HandlerT]:
    """Register the decorated function in `table` for these kinds; a kind has one function."""

    def register(handler: HandlerT) -> HandlerT:
        for kind in kinds:
            if kind in table:
                raise ValueError(f"two functions for {kind!r}")
            table[kind] = handler
        return handler

    return register


def merged(*tables: Mapping[KeyT, HandlerT]) -> dict[KeyT, HandlerT]:
    """The tables of several modules as one; a kind has one function here as well."""
    whole: dict[KeyT, HandlerT] = {}
    for table in tables:
        for kind, handler in table.items():
            handles(whole, kind)(handler)
    return whole


def after_login(
    session: Session, ident: str, finish: Callable[[], Outcome], refusal: bytes = b""
) -> Outcome:
    """What `finish` returns, behind the Login of `ident` where that is due.

    A Login is due when another identity, or none, was named last. `finish` is called only once it
    has been taken: whoever takes it may set the Session by the device's record. `refusal` is what
    to write if policy turns the device away.
    """
    if session.ident == ident:
        return finish()
    return _announced(session, ident, finish, refusal)


def _announced(
    session: Session, ident: str, finish: Callable[[], Outcome], refusal: bytes
) -> Iterator[Message | DecodeError]:
    session.ident = ident
    yield Login(ident=ident, refusal=refusal)
    yield from items(finish())


def stumble(name: str, error: Exception) -> DecodeError:
    """One of STUMBLES as the DecodeError that it means."""
    if isinstance(error, DecodeError):
        return error
    if isinstance(error, struct.error | IndexError):
        return DecodeError("length", f"{name}: body too short: {error}")
    return DecodeError("field", f"{name}: {error}")


class StreamDecoder(abc.ABC, Generic[FrameT]):
    """The common part of a Decoder (see base.py); one per connection."""

    name: str = ""
    link: Any  # the protocol's own state of the connection, handed to its functions
    link_type: ClassVar[type[Any] | None] = None  # made of the Session, where a protocol has one
    COMMANDS: ClassVar[Mapping[CommandKind, Callable[[Any, Command], bytes]]] = {}

    def __init__(self, session: Session) -> None:
        self.session = session
        self.link = None if self.link_type is None else self.link_type(session)
        self.buffer = ReceiveBuffer()
        self._ready: deque[Message | DecodeError] = deque()
        self._frame: FrameT | None = None  # the one that `_rest` comes out of
        self._rest: Iterator[Message | DecodeError] | None = None

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut."""
        self.buffer.feed(data)

    def next_message(self) -> Message | None:
        """The next message, None when more bytes are needed; DecodeError for a skipped frame."""
        item: Message | DecodeError | None
        while True:
            if self._ready:
                item = self._ready.popleft()
            elif self._rest is not None:
                item = self._next_of_frame(self._rest)
            else:
                frame = self.cut()
                if frame is None:
                    return None
                item = self._begin(frame)
            if isinstance(item, Message):
                return item
            if item is not None:
                raise item

    def encode(self, command: Command) -> bytes:
        """The frame that carries `command`. Raises CommandError where the protocol has none."""
        encoder = self.COMMANDS.get(command.kind)
        if encoder is None:
            raise CommandError(f"{self.name} has no command {command.kind}", value=command.kind)
        return encoder(self.link, command)

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self.buffer.data)

    @abc.abstractmethod
    def cut(self) -> FrameT | None:
        """Take the next whole frame whose check is right; DecodeError for what was skipped."""

    @abc.abstractmethod
    def decode(self, frame: FrameT) -> Outcome:
        """The messages in a frame."""

    def refuse(self, frame: FrameT, error: DecodeError) -> Message | None:  # noqa: ARG002
        """What to tell a device whose frame could not be decoded, where the protocol can."""
        return None

    def _begin(self, frame: FrameT) -> Message | DecodeError | None:
        """Decode a frame: its message, its error, or None if there are several to come."""
        ident = self.session.ident
        try:
            outcome = self.decode(frame)
        except STUMBLES as error:
            self.session.ident = ident  # a login that cannot be read names nobody
            return self._fail(frame, error)
        if isinstance(outcome, Message):
            return outcome
        self._frame = frame
        self._rest = iter(outcome)
        return None

    def _next_of_frame(self, rest: Iterator[Message | DecodeError]) -> Message | DecodeError | None:
        try:
            return next(rest)
        except StopIteration:
            self._rest = None
            return None
        except STUMBLES as error:
            self._rest = None
            assert self._frame is not None  # noqa: S101 - `rest` came out of it
            return self._fail(self._frame, error)

    def _fail(self, frame: FrameT, error: Exception) -> DecodeError:
        """A handler's stumble is the frame's fault; the device is told where it can be."""
        fault = stumble(self.name, error)
        refusal = self.refuse(frame, fault)
        if refusal is not None:
            self._ready.append(refusal)
        return fault
