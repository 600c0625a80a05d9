"""What a device says and is told, whatever carries it: messages to the desk, answers in order.

A `Dialogue` belongs to one connection, or to one source of datagrams. It takes decoded messages to
the registry, the desk (`ingest`) and the journal, and gives its carrier the answers: one that
promises storage when the journal says so, and all of them in the order of the messages. It
touches no socket; its carrier does.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from tracker.errors import DecodeError
from tracker.ingest import Ingest
from tracker.journal import Commit, Journal
from tracker.model import Fix, Vehicle
from tracker.protocols.base import (
    Alarm,
    Aside,
    Decoder,
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
from tracker.registry import Registry

# In a row, or without one good frame among them: noise, or a protocol that we do not speak.
MAX_BAD_FRAMES = 100
# Notices that say something of their own frame and nothing lasting of the device.
PASSING_NOTICES = frozenset({"no_fix", "unknown"})

_log = structlog.get_logger(__name__)


class Desk(Protocol):
    """Where messages go, and what is counted of them: the gateway."""

    registry: Registry
    ingest: Ingest
    journal: Journal
    stats: Counter[str]
    frames: Counter[str]  # by protocol
    decode_errors: Counter[tuple[str, str]]  # by protocol and kind


class Carrier(Protocol):
    """What a dialogue is held over."""

    @property
    def closing(self) -> bool:
        """Whether nothing can be said any more."""
        ...

    def write(self, answers: Sequence[bytes]) -> None:
        """Send these answers, in order."""
        ...

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:
        """The device has named itself; `before` is who spoke here until now."""
        ...

    def close(self, reason: str) -> None:
        """Say no more after what is written; the reason is counted."""
        ...


class Dialogue:
    """One device, or several in turn, on one carrier."""

    __slots__ = (
        "_answers", "_bad", "_carrier", "_desk", "_ending", "_stored", "_waiting", "session",
        "vehicle",
    )  # fmt: skip

    def __init__(self, desk: Desk, carrier: Carrier, session: Session) -> None:
        self._desk = desk
        self._carrier = carrier
        self.session = session
        self.vehicle: Vehicle | None = None
        self._bad = 0
        self._answers: deque[tuple[Commit | None, bytes]] | None = None
        self._waiting: Commit | None = None
        self._stored: Commit | None = None  # the newest; commits are done in their order
        self._ending = ""  # why to close when everything is said

    def drain(self, decoder: Decoder, now: float) -> int:
        """Handle all whole messages; how many. Damaged frames are counted and passed over."""
        whole = 0
        while not (self._ending or self._carrier.closing):
            try:
                message = decoder.next_message()
            except DecodeError as exc:
                self._complain(decoder.name, exc)
                continue
            if message is None:
                break
            whole += 1
            self._bad = 0
            self._handle(decoder.name, message, now)
        self._desk.frames[decoder.name] += whole
        return whole

    def drop_answers(self) -> None:
        """The carrier is gone: what waits is never said."""
        self._answers = None

    # -- messages ----------------------------------------------------------------------------------

    def _complain(self, protocol: str, exc: DecodeError) -> None:
        self._desk.decode_errors[protocol, exc.kind] += 1
        self._bad += 1
        if self._bad >= MAX_BAD_FRAMES:
            self._carrier.close("bad_frames")

    def _handle(self, protocol: str, message: Message, now: float) -> None:
        if isinstance(message, Login):
            self._login(protocol, message, now)
            return
        if isinstance(message, Refused | Aside):
            self._answer(message.answer, None)
            if message.last:
                self._end("bad_request" if isinstance(message, Refused) else "logout")
            return
        vehicle = self.vehicle
        if vehicle is None:  # the decoder's promise is a Login first; without one nothing counts
            self._carrier.close("no_login")
            return
        ingest = self._desk.ingest
        if isinstance(message, Positions | Reply) and message.fixes:
            self._store(vehicle, message.fixes, now)
        elif isinstance(message, Heartbeat | Alarm):
            ingest.contact(vehicle, now, message)
        elif isinstance(message, Notice) and message.kind not in PASSING_NOTICES:
            ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        else:
            ingest.contact(vehicle, now)
        self._answer(message.answer, self._stored if message.durable else None)
        if isinstance(message, Logout):
            self._end("logout")

    def _store(self, vehicle: Vehicle, fixes: tuple[Fix, ...], now: float) -> None:
        positions = self._desk.ingest.accept(vehicle, fixes, now)
        if not positions:
            return
        try:
            self._stored = self._desk.journal.append(positions)
        except ValueError as exc:  # what no column can hold would come for ever if unanswered
            self._desk.stats["unstorable"] += len(positions)
            _log.error("device.unstorable_positions", device=vehicle.device, error=str(exc))

    def _login(self, protocol: str, message: Login, now: float) -> None:
        desk = self._desk
        plate = str(message.attributes.get("plate", ""))
        vehicle = desk.registry.identify(message.ident, protocol, now, plate)
        if vehicle is None:
            _log.info("device.refused", ident=message.ident, protocol=protocol)
            self._answer(message.refusal, None)
            self._end("refused")
            return
        before, self.vehicle = self.vehicle, vehicle
        self.session.utc_offset_s = vehicle.utc_offset_s
        self._carrier.bind(vehicle, before)
        desk.ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        self._answer(message.answer, None)

    # -- answers -----------------------------------------------------------------------------------

    def _answer(self, data: bytes, commit: Commit | None) -> None:
        """Write now, or behind what is waiting; with a commit, when it is on disk."""
        if not data:
            return
        if not self._answers and (commit is None or commit.done):
            self._carrier.write((data,))
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
        if not answers:
            return
        ready = []
        while answers and (answers[0][0] is None or answers[0][0].done):
            ready.append(answers.popleft()[1])
        if ready:
            self._carrier.write(ready)
        if self._ending and not answers:
            self._carrier.close(self._ending)

    def _end(self, reason: str) -> None:
        """Close when everything is said; what comes meanwhile is not listened to."""
        if self._answers:
            self._ending = reason
        else:
            self._carrier.close(reason)
