"""From the queue to the device and back: what may be sent, when, and whose reply came.

A device is served one command at a time, by the node that it is connected to. Before a command
leaves it is written down that it was sent: a node that dies in between has it asked again, or says
that no reply came, and never sends a text twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

import structlog

from tracker.commands import life, pace
from tracker.commands.base import Poll, Way
from tracker.commands.desk import CommandDesk
from tracker.commands.table import Act, Connection, Entry
from tracker.errors import CommandError, StoreError
from tracker.model import Command, CommandKind, CommandRecord, CommandState, Speed, Vehicle
from tracker.protocols.base import Reply
from tracker.storage import commands

SWEEP_S = 1.0
# After it has named itself a device gets this long to say something else: some protocols go on
# with a code or a code word, and drop what comes before that is answered.
NAMED_S = 1.0
# That the answer to a device which asks may be held back: longer than claim and store take, shorter
# than small devices wait for an answer.
POLL_S = 5.0
ENDED_KEPT_S = 86_400.0  # on the bus, for nodes that were away
FORGET_S = 30.0
HOUSEKEEPING_S = 3_600.0

_log = structlog.get_logger(__name__)


class Sender:
    """Sends, matches replies, and does what time demands."""

    def __init__(
        self,
        desk: CommandDesk,
        reach: Callable[[str], Way | None],
        speed: Callable[[str], Speed | None],
        silent: Callable[[str], frozenset[CommandKind]],
        *,
        barred: Callable[[str, CommandKind], str] = lambda *_: "",
        times: life.Times | None = None,
        cut: pace.Rules | None = None,
        keep_s: float = 0.0,
    ) -> None:
        self.desk = desk
        self.speed = speed
        self.times = times or life.Times()
        self.cut = cut or pace.Rules()
        self._reach = reach
        self.silent = silent  # kinds to which a vehicle's device does not reply
        self.barred = barred  # why none of a kind can reach a vehicle's device, as far as known
        self._keep_s = keep_s  # how long ended commands stay in the store; 0: for ever
        self._serving: dict[str, asyncio.Task[None]] = {}  # by vehicle
        self._polls: dict[str, Poll] = {}  # by vehicle, while they are being served
        self._later: dict[str, asyncio.TimerHandle] = {}  # by vehicle
        self._closed = False
        self._sweeper: asyncio.Task[None] | None = None
        self._kept_house = self._forgot = 0.0
        desk.on_waiting = self.heard

    @property
    def waiting(self) -> Mapping[str, object]:
        """The vehicles with an open command: asked for each message of a device."""
        return self.desk.table.lines

    def start(self) -> None:
        """Begin to look at the time."""
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="command sweep")

    async def close(self) -> None:
        """Send no more."""
        self._closed = True
        for timer in self._later.values():
            timer.cancel()
        tasks = [*self._serving.values(), *filter(None, [self._sweeper])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- replies -----------------------------------------------------------------------------------

    def replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:
        """Whether a device's reply belongs to a command; which then has ended."""
        record = self.desk.table.match(vehicle.id, reply.reference, reply.to_kind)
        if record is None:
            self.desk.stats["unmatched"] += 1
            return False
        if not reply.final:
            return True
        state = CommandState.FAILED if reply.success is False else CommandState.ANSWERED
        words = reply.text
        if not words and reply.fixes:
            words = f"{reply.fixes[-1].lat:.6f}, {reply.fixes[-1].lon:.6f}"
        detail = "" if words else "confirmed" if state is CommandState.ANSWERED else "refused"
        self.desk.take(record, state, now, detail=detail, reply=words or None)
        self.heard(vehicle.id)
        return True

    # -- sending -----------------------------------------------------------------------------------

    def heard(self, vehicle_id: str) -> None:
        """A device with open commands may be reachable, or has a new one."""
        if self._closed or vehicle_id in self._serving or self._next(vehicle_id) is None:
            return
        task = asyncio.create_task(self._serve(vehicle_id), name=f"commands {vehicle_id}")
        self._serving[vehicle_id] = task
        task.add_done_callback(lambda task: self._served(vehicle_id, task))

    def polled(self, poll: Poll) -> None:
        """A device with open commands asks, and its answer is held back for at most POLL_S."""
        vehicle_id = poll.vehicle_id
        if vehicle_id in self._serving:  # another answer of the device gets it
            poll.release()
            return
        self._polls[vehicle_id] = poll
        self.heard(vehicle_id)
        if vehicle_id in self._serving:
            asyncio.get_running_loop().call_later(POLL_S, poll.release)
        else:
            del self._polls[vehicle_id]
            poll.release()

    def _served(self, vehicle_id: str, task: asyncio.Task[None]) -> None:
        self._serving.pop(vehicle_id, None)
        poll = self._polls.pop(vehicle_id, None)
        if poll is not None:
            poll.release()
        if not task.cancelled() and task.exception() is not None:  # the sweep comes back to it
            self.desk.stats["sending_errors"] += 1
            _log.error("commands.sending_broke", vehicle=vehicle_id, exc_info=task.exception())

    def pace(self, vehicle_id: str) -> pace.Pace:
        """Whether a vehicle is slow enough for an engine cut now."""
        return pace.judge(self.speed(vehicle_id), time.time(), self.cut)

    def _too_fast(self, record: CommandRecord) -> str:
        """Why a command may not be sent to its vehicle at the speed that is known now; "" else."""
        if record.kind is not CommandKind.ENGINE_CUT:
            return ""
        found = self.pace(record.vehicle_id)
        if record.parameters.get(life.SPEED_UNKNOWN) is True:
            return found.too_fast
        return found.too_fast or found.unknown

    def _next(
        self, vehicle_id: str, without: frozenset[str] = frozenset()
    ) -> tuple[Act, Entry, Way] | None:
        if vehicle_id not in self.desk.table.lines:
            return None
        poll, now = self._polls.get(vehicle_id), time.time()
        way = poll if poll is not None and poll.serves(vehicle_id) else self._reach(vehicle_id)
        if way is None:
            return None
        if not way.settled and now < way.named_at + NAMED_S:
            self._look_later(vehicle_id, way.named_at + NAMED_S - now)
            return None
        found = self.desk.table.next_act(
            vehicle_id,
            now,
            Connection(way.number, way.named_at, self.silent(vehicle_id)),
            held=self._held(vehicle_id, way),
            without=without,
        )
        return None if found is None else (*found, way)

    def _held(self, vehicle_id: str, way: Way) -> set[str]:
        """Commands that wait and may not be sent now."""
        queue = self.desk.table.lines[vehicle_id].queue()
        return {entry.record.id for entry in queue if self._why_held(entry.record, way)}

    def _why_held(self, record: CommandRecord, way: Way) -> str:
        return way.deaf(_asked(record)) or self._too_fast(record)

    def _look_later(self, vehicle_id: str, delay_s: float) -> None:
        if vehicle_id not in self._later:

            def look() -> None:
                self._later.pop(vehicle_id, None)
                self.heard(vehicle_id)

            self._later[vehicle_id] = asyncio.get_running_loop().call_later(delay_s, look)

    async def _serve(self, vehicle_id: str) -> None:
        """Do for a device all that can be done now."""
        not_ours: frozenset[str] = frozenset()
        while (found := self._next(vehicle_id, not_ours)) is not None:
            act, entry, way = found
            async with self.desk.turn(entry.record) as record:
                if record is None:
                    not_ours |= {entry.record.id}
                else:
                    await self._act(act, record, way)

    async def _act(self, act: Act, record: CommandRecord, way: Way) -> None:
        now, take = time.time(), self.desk.take
        if act is Act.SEND:
            await self._send(record, way)
        elif act is Act.REPEAT:
            detail = "the connection ended before a reply"
            take(record, CommandState.QUEUED, now, detail=detail)
        elif act is Act.HOLD:
            take(record, CommandState.HELD, now, detail=self._why_held(record, way))
        else:
            never = not life.standing(record).attempts
            state = CommandState.CANCELLED if never else CommandState.EXPIRED
            take(record, state, now, detail="engine_restore was asked for after it")

    async def _send(self, record: CommandRecord, way: Way) -> None:
        desk, vehicle_id, now = self.desk, record.vehicle_id, time.time()
        # The claim may have taken a moment: in it the device can have gone, or gained speed.
        found = self._next(vehicle_id)
        if found is None or found[0] is not Act.SEND or found[2] is not way:
            return
        if found[1].record.id != record.id:
            return
        reference = desk.table.new_reference(vehicle_id, now)
        try:
            frame = way.encode(_asked(record, reference))
        except CommandError as exc:
            desk.take(record, CommandState.FAILED, now, detail=exc.message)
            return
        desk.table.sent_on(record, way.number)
        sent = desk.take(record, CommandState.SENT, now, reference=reference)
        await desk.kept(sent)
        current = desk.table.get(record.id)
        # Another node may have ended it meanwhile; one that has just taken it by the same key has
        # only joined in, and this is still the step that is to be taken.
        if current is None or life.standing(current).last.id != sent.transitions[-1].id:
            return
        if not way.serves(vehicle_id):
            detail = "the device was gone before it was sent"
        else:
            detail = self._too_fast(record)  # so may that: the store can have taken its time
        if detail:
            desk.take(sent, CommandState.QUEUED, time.time(), detail=detail)
        else:
            way.send(frame)

    # -- time --------------------------------------------------------------------------------------

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep(time.time())
            except Exception:  # noqa: BLE001 - one command that cannot be handled must not end it
                self.desk.stats["sweep_errors"] += 1
                _log.exception("commands.sweep_broke")

    async def sweep(self, now: float) -> None:
        """What time demands of every open command."""
        for entry in self.desk.table:
            record = entry.record
            silent = record.kind in self.silent(record.vehicle_id)
            due = life.due(record, entry.standing, now, self.desk.node, self.times, silent=silent)
            if due is not None:
                async with self.desk.turn(record) as current:
                    if current is not None:
                        self.desk.take(current, due.state, now, detail=due.detail)
        for vehicle_id in list(self.desk.table.lines):
            self.heard(vehicle_id)
        if now - self._forgot >= FORGET_S:
            self._forgot = now
            self._forget(now)
        if now - self._kept_house >= HOUSEKEEPING_S and self._keep_s:
            self._kept_house = now
            with contextlib.suppress(StoreError):  # an hour later again
                await commands.prune(self.desk.store, now - self._keep_s)

    def _forget(self, now: float) -> None:
        """Ended commands that no node can take for open any more."""
        table = self.desk.table
        records = dict(table.ended)
        for command_id in table.overfull():
            self.desk.cluster.forget_command(records[command_id])
        for record in list(table.ended.values()):
            last = max(record.expires_time, record.transitions[-1].time)
            if now > last + ENDED_KEPT_S:
                table.forget(record.id)
                self.desk.cluster.forget_command(record)


def _asked(record: CommandRecord, reference: int = 0) -> Command:
    """A command as an encoder takes it; without a reference, to ask about it."""
    return Command(record.kind, reference, life.asked(record))
