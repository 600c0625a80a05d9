"""One device's TCP connection: bytes to messages, messages to the desk, answers in order."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import structlog

from tracker.dialogue import Dialogue
from tracker.errors import DecodeError
from tracker.model import Vehicle
from tracker.protocols.base import Decoder, Family, Session
from tracker.protocols.detect import detect

if TYPE_CHECKING:
    from tracker.gateway import Gateway

SILENT_PERIODS = (
    3  # heartbeats that may be missed: radio networks lose one or two as a matter of course
)
UNDECIDED_SILENCE_S = 90.0  # a connection that has said nothing yet: three default heartbeats
# Without one good frame among them: several times the largest frame of any protocol.
MAX_NOISE_BYTES = 262_144
WRITE_BUFFER_BYTES = 65_536  # of answers that a device does not take; then it is not read either
CLOSE_FLUSH_S = 10.0  # that a closing connection has to take its last answers
# The kernel's own look at a dead peer, beside the heartbeats: first after 60 s, then 4 times.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))

_log = structlog.get_logger(__name__)


class DeviceConnection(asyncio.Protocol):
    """A device from accept to close."""

    __slots__ = (
        "_address", "_closed_at", "_decoder", "_dialogue", "_family", "_first", "_gateway",
        "_holds", "_last_heard", "_noise_bytes", "_opened", "_partial_since", "_reason",
        "_transport",
    )  # fmt: skip

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport | None = None
        self._address = ""
        session = Session(auth_key=gateway.auth_key, options=gateway.options)
        self._dialogue = Dialogue(gateway, self, session)
        self._decoder: Decoder | None = None
        self._family: Family | None = None
        self._first = b""  # what came before the protocol was known
        self._noise_bytes = 0
        self._holds: tuple[str, ...] = ()
        self._opened = self._last_heard = self._closed_at = 0.0
        self._partial_since: float | None = None
        self._reason = "peer"

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
        self._opened = self._last_heard = asyncio.get_running_loop().time()
        refused = self._gateway.admit(self, self._address)
        if refused is not None:
            self.close(refused)
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES, low=0)

    def data_received(self, data: bytes) -> None:
        """Everything that is in these bytes."""
        gateway = self._gateway
        gateway.stats["bytes"] += len(data)
        self._last_heard = asyncio.get_running_loop().time()
        now = self._dialogue.session.now = time.time()
        decoder = self._decoder
        if decoder is None:
            decoder = self._detect(data)
            if decoder is None:
                return
        else:
            decoder.receive_data(data)
        self._noise_bytes += len(data)
        self._drain(decoder, now)
        if gateway.journal.full and not self.closing:
            gateway.pause(self)

    def pause_writing(self) -> None:
        """The device does not take its answers: what it says is not read either."""
        self.hold("answers")

    def resume_writing(self) -> None:
        """It does again."""
        self.unhold("answers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by whichever side."""
        self._dialogue.drop_answers()
        self._gateway.release(self, self._address, "error" if exc else self._reason)
        self._transport = None

    # -- messages ----------------------------------------------------------------------------------

    def _detect(self, data: bytes) -> Decoder | None:
        self._first += data
        try:
            family = detect(self._first)
        except DecodeError as exc:
            self._gateway.decode_errors["unknown", exc.kind] += 1
            _log.info(
                "device.unknown_protocol", address=self._address, first=self._first[:64].hex()
            )
            self.close("unknown_protocol")
            return None
        if family is None:
            return None
        self._family = family
        self._decoder = family.decoder(self._dialogue.session)
        self._decoder.receive_data(self._first)
        self._first = b""
        return self._decoder

    def _drain(self, decoder: Decoder, now: float) -> None:
        """All whole messages; damaged frames are counted and passed over."""
        whole = self._dialogue.drain(decoder, now)
        if whole:
            self._noise_bytes = 0
        elif self._noise_bytes > MAX_NOISE_BYTES:
            self.close("bad_frames")
        if not decoder.buffered:
            self._partial_since = None
        elif whole or self._partial_since is None:
            self._partial_since = self._last_heard

    def write(self, answers: Sequence[bytes]) -> None:
        """Send these answers, in order."""
        if self._transport is not None:
            self._transport.write(answers[0] if len(answers) == 1 else b"".join(answers))

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
            if not self._holds and self._transport is not None and not self.closing:
                self._last_heard = asyncio.get_running_loop().time()  # it was we who did not listen
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
        elif self._first and now - self._opened > limits.login_timeout_s:
            self._gateway.decode_errors["unknown", "undecided"] += 1
            self.close("undecided")
        elif now - self._last_heard > self._patience():
            self.close("silent")

    def _patience(self) -> float:
        if self._family is None:
            return UNDECIDED_SILENCE_S
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
            self._closed_at = asyncio.get_running_loop().time()
            self._transport.close()
