"""One device's TCP connection: bytes to messages, messages to the desk, answers in order.

A connection that begins with TLS gets a layer below it (`tls`) and is looked at again from the
first byte inside. Whoever never said anything that could be understood leaves the first bytes
behind (`strangers`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import structlog

from tracker.devices.dialogue import MAX_UNSAID, Dialogue
from tracker.devices.ports import OPEN_PORT, Port
from tracker.devices.strangers import WHY, Why
from tracker.devices.tls import TlsLayer
from tracker.devices.turns import READ_BYTES, TURN_STEPS, Talk
from tracker.model import Vehicle
from tracker.protocols import detect
from tracker.protocols.base import PROBE_LIMIT, Decoder, Family, Match, Session

if TYPE_CHECKING:
    from tracker.devices.gateway import Gateway

SILENT_PERIODS = (
    3  # heartbeats that may be missed: radio networks lose one or two as a matter of course
)
UNDECIDED_SILENCE_S = 90.0  # a connection that has said nothing yet: three default heartbeats
# Without one good frame among them: several times the largest frame of any protocol.
MAX_NOISE_BYTES = 262_144
WRITE_BUFFER_BYTES = 65_536  # of answers that a device does not take; then it is not read either
TLS_HANDSHAKE_S = 10.0  # three round trips at most, of a second or two in a bad radio network
CLOSE_FLUSH_S = 10.0  # that a closing connection has to take its last answers
# The kernel's own look at a dead peer, beside the heartbeats: first after 60 s, then 4 times.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))


_log = structlog.get_logger(__name__)


class DeviceConnection(asyncio.BufferedProtocol):
    """A device from accept to close."""

    __slots__ = (
        "_address", "_clock", "_closed_at", "_decoder", "_dialogue", "_family", "_finished",
        "_first", "_gateway", "_holds", "_last_heard", "_noise_bytes", "_opened", "_partial_since",
        "_port", "_protocol", "_reason", "_sample", "_secured", "_talk", "_tls", "_transport",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, port: Port = OPEN_PORT) -> None:
        self._gateway = gateway
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._tls: TlsLayer | None = None  # the transport, where it is one
        self._secured = False  # the handshake is done
        self._address = ""
        session = Session(auth_key=gateway.auth_key, options=gateway.options_at(port))
        self._dialogue = Dialogue(gateway, self, session)
        self._decoder: Decoder | None = None
        self._family: Family | None = None
        self._first = b""  # what came before the protocol was known
        self._sample: bytes | None = b""  # the first bytes; None once something was understood
        self._protocol = ""  # that was recognised where it is not allowed
        self._noise_bytes = 0
        self._finished = False  # the device says nothing more
        self._holds: tuple[str, ...] = ()
        self._talk: Talk | None = None  # of who had to wait for its turn
        self._clock: Callable[[], float]  # the loop's, from connection_made on
        self._opened = self._last_heard = self._closed_at = 0.0
        self._partial_since: float | None = None
        self._reason = "peer"

    @property
    def dialogue(self) -> Dialogue:
        """What is said on it."""
        return self._dialogue

    @property
    def vehicle(self) -> Vehicle | None:
        """Who spoke here last."""
        return self._dialogue.vehicle

    # -- the transport's calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or close at once for want of room."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        self._clock = asyncio.get_running_loop().time
        self._opened = self._last_heard = self._clock()
        refused = self._gateway.admit(self, self._address)
        if refused is not None:
            self.close(refused)
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES, low=0)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - one size for all
        """Where to read to."""
        return self._gateway.turns.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """It was read."""
        self.data_received(bytes(self._gateway.turns.buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """What is in these bytes, as far as one turn goes."""
        gateway = self._gateway
        gateway.stats["bytes"] += len(data)
        self._last_heard = self._clock()
        now = self._dialogue.session.now = time.time()
        if self._sample is not None and len(self._sample) < PROBE_LIMIT:
            self._sample += data[: PROBE_LIMIT - len(self._sample)]
        decoder = self._decoder
        if decoder is None:
            decoder = self._detect(data)
            if decoder is None:
                return
        else:
            decoder.receive_data(data)
        self._noise_bytes += len(data)
        self._turn(decoder, now)
        # There is more in the socket: others first, whatever this was.
        if len(data) >= READ_BYTES and not self._holds:
            self._await_turn()

    def eof_received(self) -> bool:
        """The device says nothing more. It may still wait for an answer: close behind the last."""
        self._finished = True
        if not self.closing:
            self._dialogue.finish("peer")
        return not self.closing

    def pause_writing(self) -> None:
        """The device does not take its answers: what it says is not read either."""
        self.hold("answers")

    def resume_writing(self) -> None:
        """It does again."""
        self.unhold("answers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by whichever side."""
        self._dialogue.drop_answers()
        if self._sample:
            self._leave_behind(self._sample)
        self._gateway.release(self, self._address, "error" if exc else self._reason)
        self._transport = None

    # -- messages ----------------------------------------------------------------------------------

    def _detect(self, data: bytes) -> Decoder | None:
        self._first += data
        if self._tls is None and self._begins_with_tls():
            return None
        verdict = self._port.judge(self._first)
        if verdict.refused:
            self._protocol = verdict.protocol
            self._gateway.decode_errors["unknown", verdict.refused] += 1
            self.close("not_allowed" if verdict.protocol else "unknown_protocol")
            return None
        if verdict.family is None:
            return None
        self._family = verdict.family
        self._decoder = self._port.decoder(verdict.family, self._dialogue.session)
        self._decoder.receive_data(self._first)
        self._first = b""
        return self._decoder

    def _begins_with_tls(self) -> bool:
        """Whether these bytes are not for a decoder: TLS, or perhaps, or a port that wants it."""
        match = detect.tls(self._first)
        gateway, port = self._gateway, self._port
        if match is Match.MORE:
            return True
        if match is Match.NO:
            if port.tls == "required":
                plain = port.judge(self._first)
                self._protocol = plain.family.name if plain.family else plain.protocol
                self.close("not_allowed")
            return port.tls == "required"
        if port.tls == "refused":
            self._protocol = "tls"
            self.close("not_allowed")
        elif gateway.certificates is None:
            self.close("tls_not_configured")
        elif not gateway.turnstile.make_room(self._address):
            self.close("tls_busy")
        else:
            assert self._transport is not None  # noqa: S101 - it called us
            first, self._first, self._sample = self._first, b"", self._first[:PROBE_LIMIT]
            context = gateway.certificates.context
            self._tls = TlsLayer(
                self._transport, self, context, gateway.turnstile, gateway.turns, self._address
            )
            self._transport = self._tls
            self._tls.begin(first)
        return True

    def tls_ready(self) -> None:
        """The handshake is done: what comes now came inside."""
        self._secured = True
        self._sample = b""
        self._gateway.stats["tls_connections"] += 1

    def tls_failed(self, kind: str, *, handshaking: bool) -> None:
        """TLS has come to an end that nobody wanted."""
        self._gateway.decode_errors["tls", kind] += 1
        self.close("tls_failed" if handshaking else "tls_broken")

    def tls_crowded(self) -> None:
        """Somebody else's handshake needs the place."""
        self.close("tls_busy")

    def _leave_behind(self, sample: bytes) -> None:
        """Keep the first bytes of somebody who was not understood, for a person to see."""
        why = WHY.get(self._reason) or (Why.UNFINISHED if self._family else Why.UNDECIDED)
        if self._tls is not None and not self._secured:
            why = Why.TLS_FAILED
        gateway, number = self._gateway, self._port.number
        if self._transport is not None:
            number = self._transport.get_extra_info("sockname")[1]
        protocol = self._protocol or (self._family.name if self._family else "")
        new = gateway.strangers.meet(
            sample,
            why,
            transport="tls" if self._secured else "tcp",
            address=self._address,
            port=number,
            now=time.time(),
            protocol=protocol,
        )
        log = _log.warning if new else _log.debug
        log(
            f"device.{why}",
            address=self._address,
            port=number,
            protocol=protocol,
            first=sample[:64].hex(),
        )

    def _turn(self, decoder: Decoder, now: float) -> None:
        """Handle what one turn is for; who has more waits for the next, and is not read."""
        self._drain(decoder, now)
        gateway, dialogue = self._gateway, self._dialogue
        if gateway.journal.full and not self.closing:
            gateway.pause(self)
        if dialogue.unsaid >= MAX_UNSAID:
            self.hold("unsaid")
        if dialogue.more:
            self.held_over()
            if not self._holds:  # else when it is listened to again
                self._await_turn()

    def _await_turn(self) -> None:
        if not self.closing:
            self.hold("turn")
            self._gateway.turns.join(self)

    def go_on(self) -> None:
        """Its turn: some more of what was read, and with nothing left it is read again."""
        self._holds = tuple(held for held in self._holds if held != "turn")
        decoder = self._decoder
        if decoder is None or self._holds or self.closing:
            return
        if self._dialogue.more:
            self._last_heard = self._clock()
            now = self._dialogue.session.now = time.time()
            self._turn(decoder, now)
        self._listen()

    def held_over(self) -> None:
        """More came than one turn is for: counted, and told of where it goes on and on."""
        self._gateway.stats["turns_held"] += 1
        if self._talk is None:
            self._talk = Talk()
        if self._talk.too_much(self._last_heard):
            device = self.vehicle.device if self.vehicle else ""
            _log.warning("device.talkative", address=self._address, device=device)

    def _drain(self, decoder: Decoder, now: float) -> None:
        """Whole messages; damaged frames are counted and passed over."""
        whole = self._dialogue.drain(decoder, now, TURN_STEPS)
        if whole:
            self._noise_bytes = 0
            self._sample = None
        elif self._not_for_this_port(decoder):
            self.close("not_allowed")
        elif self._noise_bytes > MAX_NOISE_BYTES:
            self.close("bad_frames")
        if not decoder.buffered:
            self._partial_since = None
        elif whole or self._partial_since is None:
            self._partial_since = self._last_heard

    def _not_for_this_port(self, decoder: Decoder) -> bool:
        """Whether somebody else's protocol comes to a port that is for some only."""
        if not self._port.allows(decoder.name):  # a carrier's next request may be another's
            self._protocol = decoder.name
        elif self._sample:
            other = self._port.other(self._sample)
            self._protocol = other.name if other is not None else ""
        return bool(self._protocol)

    def write(self, answers: Sequence[bytes]) -> None:
        """Send these answers, in order."""
        if self._transport is not None:
            self._transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
            if "unsaid" in self._holds and self._dialogue.unsaid < MAX_UNSAID:
                self.unhold("unsaid")

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:
        """The device has named itself on this connection."""
        assert self._family is not None  # noqa: S101 - no message comes without a decoder
        alone = not self._family.shared
        self._gateway.bind(self, vehicle.id, before.id if before else None, alone=alone)

    # -- holding and closing -----------------------------------------------------------------------

    def hold(self, reason: str) -> None:
        """Do not read the device for a reason; there may be several."""
        if self._transport is not None and reason not in self._holds:
            if not self._holds:
                self._transport.pause_reading()
            self._holds = (*self._holds, reason)

    def unhold(self, reason: str) -> None:
        """A reason is gone; with the last one reading goes on."""
        if reason in self._holds:
            self._holds = tuple(held for held in self._holds if held != reason)
            self._listen()

    def _listen(self) -> None:
        """Go on where nothing holds it: with what was read first."""
        if self._holds or self.closing:
            return
        assert self._transport is not None  # noqa: S101 - see closing
        self._last_heard = self._clock()  # it was we who did not listen
        if self._dialogue.more:
            self._await_turn()
        elif not self._finished:
            self._transport.resume_reading()

    def check_age(self, now: float) -> None:
        """Close what has been silent, unfinished or nameless for too long. `now` is loop time."""
        limits = self._gateway.limits
        if self.closing:
            if self._transport is not None and now - self._closed_at > CLOSE_FLUSH_S:
                self._transport.abort()
            return
        if self._holds and self._holds != ("answers",):  # it is we who do not listen
            return
        if self._partial_since is not None and now - self._partial_since > limits.frame_timeout_s:
            assert self._family is not None  # noqa: S101 - there was a frame, so there is a family
            self._gateway.decode_errors[self._family.name, "unfinished"] += 1
            self.close("unfinished_frame")
        elif self._handshaking_since(now) > min(TLS_HANDSHAKE_S, limits.login_timeout_s):
            self._gateway.decode_errors["tls", "unfinished"] += 1
            self.close("tls_timeout")
        elif self._first and now - self._opened > limits.login_timeout_s:
            self._gateway.decode_errors["unknown", "undecided"] += 1
            self.close("undecided")
        elif now - self._last_heard > self._patience():
            self.close("silent")

    def _handshaking_since(self, now: float) -> float:
        return now - self._tls.began if self._tls is not None and self._tls.handshaking else 0.0

    def _patience(self) -> float:
        if self._family is None:
            return UNDECIDED_SILENCE_S
        stated_s = self._dialogue.session.silence_s
        if stated_s is not None:
            return stated_s
        return SILENT_PERIODS * (self._gateway.limits.heartbeat_s or self._family.heartbeat_s)

    @property
    def closing(self) -> bool:
        """Whether nothing can be said any more."""
        return self._transport is None or self._transport.is_closing()

    def close(self, reason: str) -> None:
        """Close after what is written already; the reason is counted."""
        if not self.closing:
            assert self._transport is not None  # noqa: S101 - see closing
            self._reason = reason
            self._closed_at = self._clock()
            self._transport.close()
