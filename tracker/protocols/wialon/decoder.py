"""The decoder of one connection that speaks Wialon IPS."""

from __future__ import annotations

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Message, Refused, Session
from tracker.protocols.stream import Outcome, StreamDecoder, after_login
from tracker.protocols.wialon import commands, messages
from tracker.protocols.wialon.wire import (
    BLOCK_MOST,
    CONTAINER,
    LINE_MOST,
    STRANGER_MOST,
    Line,
    Link,
    container_size,
    inflate,
    is_container,
    probe,
    read_line,
)


class WialonDecoder(StreamDecoder[Line]):
    """Decoder of one connection. Options: docs/protocols/wialon.md."""

    name = "wialon"
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        self._udp = session.options.get("udp") is True
        # A line that waits for its block, and the size of that.
        self._headed: tuple[Line, int] | None = None

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; with option `udp`, one datagram at a time."""
        self.buffer.feed(data)
        if self._udp and not data.endswith(b"\n"):
            self.buffer.feed(b"\r\n")

    def cut(self) -> Line | None:
        """The next message with the block that belongs to it; DecodeError for any other line."""
        line = self._cut()
        if line is None and self._udp and self.buffer.data:
            # A datagram does not go on in the next one.
            self._headed = None
            lost = self.buffer.take(len(self.buffer))
            raise DecodeError("length", "wialon: half a datagram", lost)
        return line

    def _cut(self) -> Line | None:
        if self._headed is not None:
            return self._with_block(*self._headed)
        while self.buffer.data.startswith((b"\r", b"\n")):
            self.buffer.drop(1)
        if self.buffer.data[:1] == bytes((CONTAINER,)):
            begun = is_container(self.buffer.data)
            if begun is None:
                return None
            if begun:
                return self._container()
        line = self._line()
        if line is None:
            return None
        read = read_line(line, self.link.version)
        size = messages.block_size(read)
        if size is None:
            return read
        if size > BLOCK_MOST:
            raise DecodeError("length", f"wialon: a block of {size} bytes", line)
        self._headed = read, size
        return self._with_block(read, size)

    def _line(self) -> bytes | None:
        """The next line without its end."""
        most = STRANGER_MOST if self.session.ident is None else LINE_MOST
        end = self.buffer.find(b"\n")
        if max(end, len(self.buffer) - 1 if end < 0 else 0) >= most:
            lost = self.buffer.take(most)
            raise DecodeError("length", f"wialon: no end of a line within {most} bytes", lost)
        return None if end < 0 else self.buffer.take(end + 1).rstrip(b"\r\n")

    def _with_block(self, line: Line, size: int) -> Line | None:
        if len(self.buffer) < size:
            return None
        self._headed = None
        return line._replace(block=self.buffer.take(size))

    def _container(self) -> Line | None:
        """A compressed message: one line, and its block if it has one."""
        size = container_size(self.buffer.data)
        if len(self.buffer) < size:
            return None
        content = inflate(self.buffer.take(size), LINE_MOST)
        head, _, block = content.partition(b"\n")
        line = read_line(head.rstrip(b"\r"), self.link.version)
        wanted = messages.block_size(line)
        if wanted is None:
            return line
        if len(block) != wanted:
            raise DecodeError("length", f"wialon: {len(block)} bytes instead of {wanted}", head)
        return line._replace(block=block)

    def decode(self, frame: Line) -> Outcome:
        """Messages of one line; none before the device has named itself."""
        if frame.ident:
            return after_login(self.session, frame.ident, lambda: self._handle(frame))
        if self.session.ident is None and frame.kind != "L":
            raise DecodeError("login", f"wialon: {frame.kind} before login", frame.text)
        return self._handle(frame)

    def refuse(self, frame: Line, error: DecodeError) -> Message | None:
        """Say what was wrong, in the words of the protocol."""
        if error.kind == "login":
            return None  # silence makes the device connect anew and name itself
        said = messages.refusal(frame, error.kind)
        return None if said is None else Refused(said, reason=error.kind)

    def _handle(self, line: Line) -> Outcome:
        return messages.HANDLERS.get(line.kind, messages.unknown)(self.link, line)


FAMILY = Family(
    name="wialon",
    title="Wialon IPS (1.x, 2.x)",
    probe=probe,
    decoder=WialonDecoder,
    heartbeat_s=180.0,  # devices ping every one to three minutes where they have nothing to say
)
