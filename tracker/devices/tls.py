"""TLS on the devices' ports: the layer that terminates a connection.

A connection that began with a ClientHello gets a `TlsLayer` between its transport and its
`DeviceConnection`: to the transport it is the protocol, to the connection the transport. It works
on memory only (`ssl.SSLObject`), so it takes the bytes that were read before anybody knew, and
does not care which event loop it is on. Handshakes cost a thousand times what a frame does; they
take turns (`Turnstile`), so that a fleet that comes back at once delays no tick.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from typing import Any, Protocol

# A client's whole part of a handshake: OpenSSL itself takes no chain of more than 100 kB.
HANDSHAKE_BYTES = 131_072
READ_BYTES = 65_536
STEPS_PER_TURN = 8  # steps of handshakes without a pause: about 10 ms with an RSA key
PAUSE_S = 0.005  # for everybody else, before the next eight
# Words for what a handshake may fail of, by what OpenSSL's reason has in it.
_FAULTS = (
    ("CERT", "certificate"),
    ("UNKNOWN_CA", "certificate"),
    ("VERSION", "version"),
    ("UNSUPPORTED_PROTOCOL", "version"),
    ("CIPHER", "cipher"),
    ("HTTP_REQUEST", "garbage"),
    ("UNEXPECTED_MESSAGE", "garbage"),
    ("MAC", "garbage"),
    ("RECORD", "garbage"),
)


class Owner(Protocol):
    """Who is behind the layer: what a connection's transport calls, and what went wrong."""

    def tls_ready(self) -> None:
        """The handshake is done."""

    def data_received(self, data: bytes) -> None:
        """What was inside."""

    def pause_writing(self) -> None:
        """The peer does not take what is written."""

    def resume_writing(self) -> None:
        """It does again."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""

    def tls_failed(self, kind: str, *, handshaking: bool) -> None:
        """The connection cannot go on; `kind` is a short stable word. To be closed."""


class Turnstile:
    """Handshakes take turns, and not more than `most` are unfinished."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.under_way = 0
        self._line: deque[TlsLayer] = deque()
        self._planned = False

    @property
    def full(self) -> bool:
        """Whether one more has to come again later."""
        return self.under_way >= self.most

    def join(self, layer: TlsLayer) -> None:
        """Let the layer do its next step when it is its turn."""
        self._line.append(layer)
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        for _ in range(min(STEPS_PER_TURN, len(self._line))):
            self._line.popleft().step()
        self._planned = bool(self._line)
        if self._planned:
            asyncio.get_running_loop().call_later(PAUSE_S, self._serve)


class TlsLayer(asyncio.Protocol, asyncio.Transport):
    """Between a transport and its connection. `begin` puts it there."""

    __slots__ = (
        "_broken", "_bytes_in", "_closed", "_in_line", "_incoming", "_outgoing", "_owner",
        "_paused", "_pumping", "_raw", "_ssl", "_turnstile", "handshaking",
    )  # fmt: skip

    def __init__(
        self,
        raw: asyncio.Transport,
        owner: Owner,
        context: ssl.SSLContext,
        turnstile: Turnstile,
    ) -> None:
        self._raw = raw
        self._owner = owner
        self._turnstile = turnstile
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._bytes_in = 0
        self.handshaking = True
        self._in_line = False
        self._paused = False
        self._pumping = False
        self._broken = False  # nothing more can be read or written
        self._closed = False

    def begin(self, first: bytes) -> None:
        """Take over from the connection, with what it has read already."""
        self._turnstile.under_way += 1
        self._raw.set_protocol(self)
        self.data_received(first)

    # -- the raw transport's calls -----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """What came from the network."""
        if self._closed or self._broken:
            return
        self._incoming.write(data)
        if not self.handshaking:
            self._pump()
            return
        self._bytes_in += len(data)
        if self._bytes_in > HANDSHAKE_BYTES:
            self._fail("size")
        elif not self._in_line:
            self._in_line = True
            self._turnstile.join(self)

    def pause_writing(self) -> None:
        """The peer does not take what is written."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._owner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by whichever side."""
        self._end()
        self._owner.connection_lost(exc)

    # -- the handshake -----------------------------------------------------------------------------

    def step(self) -> None:
        """Go on with the handshake as far as what came allows."""
        self._in_line = False
        if self._closed or self._broken:
            return
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except (ssl.SSLError, ssl.CertificateError) as exc:
            self._fail(_fault(exc))
            return
        self._flush()
        self.handshaking = False
        self._turnstile.under_way -= 1
        self._owner.tls_ready()
        self._pump()

    def _fail(self, kind: str) -> None:
        """The peer is told why, in TLS's own words, if OpenSSL has any."""
        self._broken = True
        self._flush()
        self._owner.tls_failed(kind, handshaking=self.handshaking)

    def _end(self) -> None:
        self._closed = True
        if self.handshaking:
            self.handshaking = False
            self._turnstile.under_way -= 1

    # -- what is inside ----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Hand over what came, until there is no more or the owner does not listen."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not (self._paused or self._broken or self._closed):
                data = self._ssl.read(READ_BYTES)
                if not data:  # the peer said that it has nothing more to say
                    self.close()
                    break
                self._owner.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            self._fail(_fault(exc))
        finally:
            self._pumping = False
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._raw.is_closing():
            self._raw.write(data)

    # -- what the connection calls -----------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send what is for the peer."""
        if self._broken or self._closed or self.handshaking:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._ssl.write(rest) :]
        except ssl.SSLError as exc:
            self._fail(_fault(exc))
            return
        self._flush()

    def pause_reading(self) -> None:
        """Read no more; what came already waits here, one read of the socket at most."""
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Go on, with what waits first."""
        self._paused = False
        self._raw.resume_reading()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if not (self._broken or self._closed or self.handshaking):
            self._pump()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As of the transport below: nothing is kept here."""
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that the peer has not taken."""
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection; `ssl_object` among it."""
        return self._ssl if name == "ssl_object" else self._raw.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether nothing can be said any more."""
        return self._closed or self._raw.is_closing()

    def close(self) -> None:
        """Say goodbye and close after what is written already."""
        if not (self._broken or self._closed or self.handshaking):
            # It wants to read the peer's goodbye too: nobody waits for that.
            with contextlib.suppress(ssl.SSLError):
                self._ssl.unwrap()
            self._flush()
        self._end()
        self._raw.close()

    def abort(self) -> None:
        """Close without a word."""
        self._end()
        self._raw.abort()


def _fault(exc: ssl.SSLError | ssl.CertificateError) -> str:
    """A short stable word for an error of OpenSSL's."""
    reason = getattr(exc, "reason", None) or ""
    return next((word for part, word in _FAULTS if part in reason), "handshake")
