"""One device's TCP connection: bytes to messages, messages to the desk, answers in order."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, cast

import structlog

from tracker.errors import DecodeError
from tracker.journal import Commit
from tracker.model import Fix, Vehicle
from tracker.protocols.base import (
    Alarm,
    Decoder,
    Family,
    Heartbeat,
    Login,
    Logout,
    Message,
    Notice,
    Positions,
    Refused,
    Reply,
    Session,
)
from tracker.protocols.detect import detect

if TYPE_CHECKING:
    from tracker.gateway import Gateway

SILENT_PERIODS = (
    3  # heartbeats that may be missed: radio networks lose one or two as a matter of course
)
UNDECIDED_SILENCE_S = 90.0  # a connection that has said nothing yet: three default heartbeats
# In a row, or without one good frame among them: noise, or a protocol that we do not speak.
MAX_BAD_FRAMES = 100
MAX_NOISE_BYTES = 262_144  # several times the largest frame of any protocol
WRITE_BUFFER_BYTES = 65_536  # of answers that a device does not take; then it is not read either
# Notices that say something of their own frame and nothing lasting of the device.
PASSING_NOTICES = frozenset({"no_fix", "unknown"})
CLOSE_FLUSH_S = 10.0  # that a closing connection has to take its last answers
# The kernel's own look at a dead peer, beside the heartbeats: first after 60 s, then 4 times.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))

_log = structlog.get_logger(__name__)


class DeviceConnection(asyncio.Protocol):
    """A device from accept to close."""

    __slots__ = (
        "_address", "_answers", "_bad", "_closed_at", "_decoder", "_family", "_first", "_gateway",
        "_holds", "_last_heard", "_noise_bytes", "_opened", "_partial_since", "_reason",
        "_session", "_transport", "_waiting", "vehicle",
    )  # fmt: skip

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._session = Session(auth_key=gateway.auth_key, options=gateway.options)
        self._decoder: Decoder | None = None
        self._family: Family | None = None
        self._first = b""  # what came before the protocol was known
        self._bad = 0
        self._noise_bytes = 0
        self._answers: deque[tuple[Commit | None, bytes]] | None = None
        self._waiting: Commit | None = None
        self._holds: tuple[str, ...] = ()
        self._opened = self._last_heard = self._closed_at = 0.0
        self._partial_since: float | None = None
        self._reason = "peer"
        self.vehicle: Vehicle | None = None

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
        now = self._session.now = time.time()
        decoder = self._decoder
        if decoder is None:
            decoder = self._detect(data)
            if decoder is None:
                return
        else:
            decoder.receive_data(data)
        self._noise_bytes += len(data)
        self._drain(decoder, now)
        if gateway.journal.full and not self._closing:
            gateway.pause(self)

    def pause_writing(self) -> None:
        """The device does not take its answers: what it says is not read either."""
        self.hold("answers")

    def resume_writing(self) -> None:
        """It does again."""
        self.unhold("answers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by whichever side."""
        self._answers = None
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
        self._decoder = family.decoder(self._session)
        self._decoder.receive_data(self._first)
        self._first = b""
        return self._decoder

    def _drain(self, decoder: Decoder, now: float) -> None:
        """All whole messages; damaged frames are counted and passed over."""
        whole = 0
        while not self._closing:
            try:
                message = decoder.next_message()
            except DecodeError as exc:
                self._complain(decoder.name, exc)
                continue
            if message is None:
                break
            whole += 1
            self._bad = 0
            self._handle(message, now)
        self._gateway.frames[decoder.name] += whole
        if whole:
            self._noise_bytes = 0
        elif self._noise_bytes > MAX_NOISE_BYTES:
            self.close("bad_frames")
        if not decoder.buffered:
            self._partial_since = None
        elif whole or self._partial_since is None:
            self._partial_since = self._last_heard

    def _complain(self, protocol: str, exc: DecodeError) -> None:
        self._gateway.decode_errors[protocol, exc.kind] += 1
        self._bad += 1
        if self._bad >= MAX_BAD_FRAMES:
            self.close("bad_frames")

    def _handle(self, message: Message, now: float) -> None:
        if isinstance(message, Login):
            self._login(message, now)
            return
        if isinstance(message, Refused):
            self._answer(message.answer, None)
            return
        vehicle = self.vehicle
        if vehicle is None:  # the decoder's promise is a Login first; without one nothing counts
            self.close("no_login")
            return
        commit = None
        if isinstance(message, Positions | Reply) and message.fixes:
            commit = self._store(vehicle, message.fixes, now)
        elif isinstance(message, Heartbeat | Alarm):
            self._gateway.ingest.contact(vehicle, now, message)
        elif isinstance(message, Notice) and message.kind not in PASSING_NOTICES:
            self._gateway.ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        else:
            self._gateway.ingest.contact(vehicle, now)
        self._answer(message.answer, commit if message.durable else None)
        if isinstance(message, Logout):
            self.close("logout")

    def _store(self, vehicle: Vehicle, fixes: tuple[Fix, ...], now: float) -> Commit | None:
        positions = self._gateway.ingest.accept(vehicle, fixes, now)
        return self._gateway.journal.append(positions) if positions else None

    def _login(self, message: Login, now: float) -> None:
        gateway = self._gateway
        assert self._family is not None  # noqa: S101 - no message comes without a decoder
        plate = str(message.attributes.get("plate", ""))
        vehicle = gateway.registry.identify(message.ident, self._family.name, now, plate)
        if vehicle is None:
            _log.info("device.refused", ident=message.ident, protocol=self._family.name)
            self._answer(message.refusal, None)
            self.close("refused")
            return
        self.vehicle = vehicle
        self._session.utc_offset_s = vehicle.utc_offset_s
        gateway.bind(self, vehicle.id)
        gateway.ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        self._answer(message.answer, None)

    # -- answers -----------------------------------------------------------------------------------

    def _answer(self, data: bytes, commit: Commit | None) -> None:
        """Write now, or behind what is waiting; with a commit, when it is on disk."""
        if not data or self._transport is None:
            return
        if not self._answers and (commit is None or commit.done):
            self._transport.write(data)
            return
        if self._answers is None:
            self._answers = deque()
        self._answers.append((commit, data))
        if commit is not None and commit is not self._waiting:
            self._waiting = commit
            commit.add_callback(self._on_commit)

    def _on_commit(self) -> None:
        """Write, in order, whatever waits for nothing any more."""
        answers = self._answers
        if not answers or self._transport is None:
            return
        ready = []
        while answers and (answers[0][0] is None or answers[0][0].done):
            ready.append(answers.popleft()[1])
        if ready:
            self._transport.write(b"".join(ready))

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
            if not self._holds and self._transport is not None and not self._closing:
                self._last_heard = asyncio.get_running_loop().time()  # it was we who did not listen
                self._transport.resume_reading()

    def check_age(self, now: float) -> None:
        """Close what has been silent, unfinished or nameless for too long. `now` is loop time."""
        limits = self._gateway.limits
        if self._closing:
            if self._transport is not None and now - self._closed_at > CLOSE_FLUSH_S:
                self._transport.abort()
            return
        if self._holds:
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
    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def close(self, reason: str) -> None:
        """Close after what is written already; the reason is counted."""
        if not self._closing:
            assert self._transport is not None  # noqa: S101 - see _closing
            self._reason = reason
            self._closed_at = asyncio.get_running_loop().time()
            self._transport.close()
