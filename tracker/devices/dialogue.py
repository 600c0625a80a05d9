"""What a device says and is told, whatever carries it: messages to the desk, answers in order.

A `Dialogue` belongs to one connection, or to one source of datagrams. It takes decoded messages to
the registry, the desk (`ingest`) and the journal, and gives its carrier the answers: one that
promises storage when the journal says so, and all of them in the order of the messages. It
touches no socket; its carrier does.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import structlog

from tracker.devices.base import Carrier, Desk
from tracker.devices.polls import NUMBERS, Poll
from tracker.errors import CommandError, DecodeError
from tracker.journal import Commit
from tracker.model import Command, DeviceStatus, Fix, Vehicle
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
    Room,
    Session,
)

# In a row, or without one good frame among them: noise, or a protocol that we do not speak.
MAX_BAD_FRAMES = 100
# Answers that wait for a disk which takes nothing; then the device is not read. Far more than any
# device asks for within the seconds that a commit may take.
MAX_UNSAID = 1_000
# Notices that say something of their own frame and nothing lasting of the device.
PASSING_NOTICES = frozenset({"no_fix", "unknown"})

_APART = (Refused, Aside)  # what may come before a login, and is never durable

_log = structlog.get_logger(__name__)


class Dialogue:
    """One device, or several in turn, on one carrier. It has a number that no other has."""

    __slots__ = (
        "_answers", "_bad", "_carrier", "_decoder", "_desk", "_ending", "_offered", "_stored",
        "_waiting", "more", "named_at", "number", "session", "settled", "vehicle",
    )  # fmt: skip

    def __init__(self, desk: Desk, carrier: Carrier, session: Session) -> None:
        self._desk = desk
        self._carrier = carrier
        self.session = session
        self.number = next(NUMBERS)
        self.vehicle: Vehicle | None = None
        self.named_at = 0.0  # Unix time of the last login
        self.settled = False  # whether something else was said after it
        self.more = False  # the last drain ended for want of steps
        self._decoder: Decoder | None = None
        self._bad = 0
        self._answers: deque[tuple[Commit | None, bytes | Poll]] | None = None
        self._waiting: Commit | None = None
        self._stored: Commit | None = None  # the newest; commits are done in their order
        self._offered: Poll | None = None  # the newest that was shown to whoever has commands
        self._ending = ""  # why to close when everything is said

    def drain(self, decoder: Decoder, now: float, steps: float = math.inf) -> int:
        """Handle whole messages; how many. Damaged frames are counted and passed over.

        Each message, damaged frame and position is a step. After so many it ends, and `more` says
        that there may be more; a message is never cut.
        """
        self._decoder = decoder
        self.more = False
        vehicle = self.vehicle
        if vehicle is not None:
            record = self._desk.registry.vehicles.get(vehicle.id, vehicle)
            if record is not vehicle:
                self._go_by(record)
        whole = 0
        while not (self._ending or self._carrier.closing):
            if steps <= 0:
                self.more = True
                break
            steps -= 1
            try:
                message = decoder.next_message()
            except DecodeError as exc:
                self._complain(decoder.name, exc)
                continue
            if message is None:
                break
            if isinstance(message, Positions):
                steps -= len(message.fixes)
            whole += 1
            self._bad = 0
            self._handle(decoder.name, message, now)
        desk, vehicle = self._desk, self.vehicle
        desk.frames[decoder.name] += whole
        if vehicle is None or self.session.room is not None:  # each answer has looked for them
            return whole
        if vehicle.id in desk.commands.waiting:
            desk.commands.heard(vehicle.id)
        return whole

    def _go_by(self, record: Vehicle) -> None:
        """Go by the vehicle's record as it is now: a connection outlives many a change of it."""
        self.vehicle = record
        self.session.utc_offset_s = record.utc_offset_s
        if record.status is not DeviceStatus.ACTIVE:
            self.session.ident = None  # it has to name itself again, and hears that it may not

    # -- commands ----------------------------------------------------------------------------------

    def serves(self, vehicle_id: str) -> bool:
        """Whether this device, and no other, can be spoken to here now, without being asked."""
        gone = self._ending or self._carrier.closing or self.session.room is not None
        return not gone and self.vehicle is not None and self.vehicle.id == vehicle_id

    def deaf(self, command: Command) -> str:
        """Why the device would not take a command now; "" where it does."""
        return "" if self.session.deaf is None else self.session.deaf(command)

    def encode(self, command: Command) -> bytes:
        """The frame of a command to the device. Raises CommandError."""
        if self._decoder is None:
            raise CommandError("the device has not been heard yet", value=command.kind)
        return self._decoder.encode(command)

    def send(self, frame: bytes) -> None:
        """Write a frame behind the answers that wait for the disk: in the order of its serial."""
        self._answer(frame, None)

    def drop_answers(self) -> None:
        """The carrier is gone: what waits is never said, but the device's last will is heard."""
        unsaid, self._answers = self._answers, None
        for _, data in unsaid or ():
            if isinstance(data, Poll):
                data.release()
        farewell, self.session.farewell = self.session.farewell, None
        if farewell is None or self.vehicle is None:
            return
        protocol = self.vehicle.protocol
        for item in farewell():
            if isinstance(item, DecodeError):
                self._complain(protocol, item)
            else:
                self._handle(protocol, item, self.session.now)

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
        if isinstance(message, _APART):
            self._answer(message.answer, None)
            if message.last:
                self.finish("bad_request" if isinstance(message, Refused) else "logout")
            return
        vehicle = self.vehicle
        if vehicle is None:  # the decoder's promise is a Login first; without one nothing counts
            self._carrier.close("no_login")
            return
        self.settled = True
        if isinstance(message, Positions) and message.fixes:  # nearly all there is
            self._store(vehicle, message.fixes, now)
        else:
            self._take(vehicle, message, now)
        if message.answer:
            answer, commit = message.answer, self._stored if message.durable else None
            room = self.session.room
            self._answer(answer if room is None else self._with_room(vehicle, answer, room), commit)
        if isinstance(message, Logout):
            self.finish("logout")

    def _take(self, vehicle: Vehicle, message: Message, now: float) -> None:
        """Anything but positions."""
        ingest = self._desk.ingest
        if isinstance(message, Reply) and message.fixes:
            self._store(vehicle, message.fixes, now)
        elif isinstance(message, Heartbeat | Alarm):
            ingest.contact(vehicle, now, message)
        elif isinstance(message, Notice) and message.kind not in PASSING_NOTICES:
            ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        else:
            ingest.contact(vehicle, now)
        if isinstance(message, Reply):
            self._reply(vehicle, message, now)

    def _reply(self, vehicle: Vehicle, reply: Reply, now: float) -> None:
        """To who asked; what nobody asked for is kept with the vehicle."""
        if not self._desk.commands.replied(vehicle, reply, now) and reply.text:
            self._desk.ingest.contact(vehicle, now, Heartbeat(attributes={"text": reply.text}))

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
            self.finish("refused")
            return
        before, self.vehicle = self.vehicle, vehicle
        self.named_at, self.settled = now, False
        self.session.utc_offset_s = vehicle.utc_offset_s
        self._carrier.bind(vehicle, before)
        desk.ingest.contact(vehicle, now, Heartbeat(attributes=message.attributes))
        self._answer(message.answer, None)

    # -- answers -----------------------------------------------------------------------------------

    @property
    def unsaid(self) -> int:
        """Answers that wait for the disk, or behind one that does."""
        return len(self._answers or ())

    def _with_room(
        self, vehicle: Vehicle, answer: bytes, make_room: Callable[[], Room | None]
    ) -> bytes | Poll:
        """An answer of a device that cannot be called: held back where something waits for it."""
        if vehicle.id not in self._desk.commands.waiting:
            return answer
        room = make_room()
        return answer if room is None else Poll(vehicle.id, answer, room, self._is_gone)

    def _is_gone(self) -> bool:
        return self._carrier.closing

    def _answer(self, data: bytes | Poll, commit: Commit | None) -> None:
        """Write now, or behind what is waiting; with a commit, when it is on disk."""
        if not data:
            return
        stored = commit is None or commit.done
        if stored and not self._answers and isinstance(data, bytes):
            self._carrier.write((data,))
            return
        if self._answers is None:
            self._answers = deque()
        self._answers.append((commit, data))
        if stored:
            if len(self._answers) == 1:
                self._say()
        elif commit is not None and commit is not self._waiting:
            self._waiting = commit
            commit.add_callback(self._say)

    def _say(self) -> None:
        """Write, in order, whatever waits for nothing any more."""
        answers = self._answers
        ready = []
        while answers and (answers[0][0] is None or answers[0][0].done):
            data = answers[0][1]
            if isinstance(data, Poll):
                if not self._filled(data):
                    break
                data = data.answer
            answers.popleft()
            ready.append(data)
        if ready:
            self._carrier.write(ready)
        if self._ending and not answers and ready:
            self._carrier.close(self._ending)

    def _filled(self, poll: Poll) -> bool:
        """Whether an answer whose turn has come can go; else it says when."""
        if poll.closed:
            return True
        if poll is not self._offered:
            self._offered = poll
            self._desk.commands.polled(poll)
        if not poll.closed:
            poll.when_closed(self._say)
        return poll.closed

    def finish(self, reason: str) -> None:
        """Close when everything is said; what comes meanwhile is not listened to."""
        if self._answers:
            self._ending = self._ending or reason
        else:
            self._carrier.close(reason)
