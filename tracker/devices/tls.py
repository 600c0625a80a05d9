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

from tracker.devices.turns import READ_BYTES, Turns

# A client's whole part of a handshake: OpenSSL itself takes no chain of more than 100 kB.
HANDSHAKE_BYTES = 131_072
RECORD_BYTES = 16_384  # the most that a record holds, and so that one read gives
RECORDS_PER_TURN = 4  # handed over without a pause: each may hold a turn's worth of messages
SHARES = 4  # an address has at most one of so many parts of the unfinished handshakes
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

    def tls_crowded(self) -> None:
        """The handshake has to make way for another. To be closed."""

    def data_received(self, data: bytes) -> None:
        """What was inside."""

    def eof_received(self) -> bool:
        """The peer says nothing more; whether there is still something to be said to it."""

    def held_over(self) -> None:
        """More came than one turn is for."""

    def pause_writing(self) -> None:
        """The peer does not take what is written."""

    def resume_writing(self) -> None:
        """It does again."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""

    def tls_failed(self, kind: str, *, handshaking: bool) -> None:
        """The connection cannot go on; `kind` is a short stable word. To be closed."""


class Turnstile:
    """Handshakes take turns. At most `most` are unfinished, of one address a quarter of them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.share = max(1, most // SHARES)
        self.under_way = 0
        self._by_address: dict[str, dict[TlsLayer, None]] = {}  # the oldest first
        self._line: deque[TlsLayer] = deque()
        self._planned = False

    def make_room(self, address: str) -> bool:
        """Whether one more may begin; else it has to come again later.

        When all places are taken, the oldest of the address that has the most makes way for an
        address with fewer. Among equals nobody does: those who began would never end.
        """
        own = len(self._by_address.get(address, ()))
        if own >= self.share:
            return False
        if self.under_way < self.most:
            return True
        busiest = max(self._by_address.values(), key=len)
        if len(busiest) <= own + 1:
            return False
        next(iter(busiest)).make_way()
        return True

    def enter(self, layer: TlsLayer, address: str) -> None:
        """A handshake begins."""
        self.under_way += 1
        self._by_address.setdefault(address, {})[layer] = None

    def leave(self, layer: TlsLayer, address: str) -> None:
        """It has come to an end."""
        self.under_way -= 1
        of_address = self._by_address[address]
        del of_address[layer]
        if not of_address:
            del self._by_address[address]

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


class TlsLayer(asyncio.BufferedProtocol, asyncio.Transport):
    """Between a transport and its connection. `begin` puts it there."""

    __slots__ = (
        "_address", "_broken", "_bytes_in", "_closed", "_finished", "_in_line", "_incoming",
        "_outgoing", "_owner", "_paused", "_pumping", "_raw", "_ssl", "_turns", "_turnstile",
        "_waiting", "began", "handshaking",
    )  # fmt: skip

    def __init__(
        self,
        raw: asyncio.Transport,
        owner: Owner,
        context: ssl.SSLContext,
        turnstile: Turnstile,
        turns: Turns,
        address: str,
    ) -> None:
        self._raw = raw
        self._owner = owner
        self._turnstile = turnstile
        self._turns = turns
        self._address = address
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._bytes_in = 0
        self.began = 0.0  # loop time
        self.handshaking = True
        self._in_line = False
        self._paused = False
        self._waiting = False  # in the line of those who have more; not read meanwhile
        self._pumping = False
        self._finished = False  # the peer says nothing more
        self._broken = False  # nothing more can be read or written
        self._closed = False

    def begin(self, first: bytes) -> None:
        """Take over from the connection, with what it has read already."""
        self.began = asyncio.get_running_loop().time()
        self._turnstile.enter(self, self._address)
        self._raw.set_protocol(self)
        self.data_received(first)

    # -- the raw transport's calls -----------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - one size for all
        """Where to read to."""
        return self._turns.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """It was read."""
        self.data_received(bytes(self._turns.buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """What came from the network."""
        if self._closed or self._broken or self._finished:
            return
        self._incoming.write(data)
        if not self.handshaking:
            if not self._waiting:
                self._pump()
            if len(data) >= READ_BYTES and not self._paused:
                self._wait()  # there is more in the socket: others first
            return
        self._bytes_in += len(data)
        if self._bytes_in > HANDSHAKE_BYTES:
            self._fail("size")
        elif not self._in_line:
            self._in_line = True
            self._turnstile.join(self)

    def eof_received(self) -> bool:
        """Nothing more comes; whether an answer is still due. What was sealed is whole."""
        if self.handshaking or self._broken or self._closed:
            return False
        self._finished = True
        return self._owner.eof_received()

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
        self._leave()
        self._owner.tls_ready()
        self._pump()

    def make_way(self) -> None:
        """The handshake is given up for somebody else's."""
        self._owner.tls_crowded()

    def _fail(self, kind: str) -> None:
        """The peer is told why, in TLS's own words, if OpenSSL has any."""
        self._broken = True
        self._flush()
        self._owner.tls_failed(kind, handshaking=self.handshaking)

    def _end(self) -> None:
        self._closed = True
        self._leave()

    def _leave(self) -> None:
        if self.handshaking:
            self.handshaking = False
            self._turnstile.leave(self, self._address)

    # -- what is inside ----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Hand over what came, until there is no more, the owner does not listen, or others wait
        for their turn.
        """
        if self._pumping:
            return
        self._pumping = True
        records = 0
        try:
            while not (self._paused or self._broken or self._closed or self._finished):
                if records == RECORDS_PER_TURN:
                    self._owner.held_over()
                    self._wait()
                    break
                records += 1
                data = self._ssl.read(RECORD_BYTES)
                if data:
                    self._owner.data_received(data)
                elif self._ssl.version() != "TLSv1.3" or not self.eof_received():
                    self.close()  # close_notify; RFC 5246 wants ours at once, RFC 8446 does not
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
        """Go on, with what waits first, when it is its turn."""
        self._paused = False
        self._wait()

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._raw.pause_reading()
            self._turns.join(self)

    def go_on(self) -> None:
        """Its turn: what waits here, and with nothing left the network is read again."""
        self._waiting = False
        if self._broken or self.is_closing():
            return
        if not self.handshaking:
            self._pump()
        if not (self._paused or self._waiting or self._finished or self.is_closing()):
            self._raw.resume_reading()

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
