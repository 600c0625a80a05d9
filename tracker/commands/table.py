"""The open commands of a node, by device, and the last ones that ended. Pure and bounded.

Every node knows the open commands of all devices, for each of them may be the next that a device
comes to. The ended ones are kept for a while so that a node which was away can be told.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from tracker.commands import life
from tracker.commands.life import Standing
from tracker.errors import TooManyError
from tracker.model import CommandKind, CommandRecord, CommandState, Transition

OPEN_MOST = 10_000  # of all devices: 10 MB, and a sweep through them takes 10 ms
ENDED_MOST = 5_000  # kept in memory and on the bus
REFERENCES_MOST = 20_000  # devices whose last reference is remembered
REFERENCE_MOST = 0xFFFF
SENT_ON_ONE_CONNECTION = 2  # once, and once more; then a new connection may do better


@dataclass(frozen=True, slots=True)
class Entry:
    """A command and how far it has come."""

    record: CommandRecord
    standing: Standing


@dataclass(slots=True)
class Line:
    """The open commands of one device; those of a line without any are nowhere."""

    entries: dict[str, Entry] = field(default_factory=dict)  # by command
    # By command, the connections of this node on which it was sent.
    sent_on: dict[str, list[int]] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)  # engine cuts with a restore after them

    def in_flight(self) -> Entry | None:
        """The one that is sent and not answered: one at a time."""
        sent = [e for e in self.entries.values() if e.standing.state is CommandState.SENT]
        return min(sent, key=_age, default=None)

    def queue(self) -> list[Entry]:
        """Those that wait to be sent, in their order."""
        waiting = [entry for entry in self.entries.values() if entry.standing.waiting]
        return sorted(waiting, key=lambda e: (e.record.kind not in life.JUMPS, *_age(e)))


def _age(entry: Entry) -> tuple[float, str]:
    return entry.record.created_time, entry.record.id


def _overrules(restore: CommandRecord, cut: CommandRecord) -> bool:
    """Whether an engine restore was asked for after a cut: which then must not be sent any more."""
    return (
        restore.kind is CommandKind.ENGINE_RESTORE
        and cut.kind is CommandKind.ENGINE_CUT
        and restore.created_time > cut.created_time
    )


class Act(Enum):
    """What is to be done next for a device."""

    SEND = "send"
    REPEAT = "repeat"  # it was sent on a connection that is gone: back into the queue
    HOLD = "hold"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection of a device, as far as sending is concerned."""

    number: int  # new with each connection of this node
    since: float  # Unix time at which the device named itself on it
    silent: frozenset[CommandKind] = frozenset()  # kinds to which its device does not reply


class Table:
    """`learn` what becomes of commands; ask what is next."""

    def __init__(self, open_most: int = OPEN_MOST, ended_most: int = ENDED_MOST) -> None:
        self.lines: dict[str, Line] = {}  # by vehicle: only those with an open command
        self.ended: OrderedDict[str, CommandRecord] = OrderedDict()  # the oldest first
        self._vehicles: dict[str, str] = {}  # of each open command
        self._references: OrderedDict[str, int] = OrderedDict()
        self.open_most = open_most
        self._ended_most = ended_most

    def __len__(self) -> int:
        """How many are open."""
        return len(self._vehicles)

    def __iter__(self) -> Iterator[Entry]:
        """All open ones."""
        return iter([entry for line in self.lines.values() for entry in line.entries.values()])

    def get(self, command_id: str) -> CommandRecord | None:
        """What is known of a command, also a while after its end."""
        vehicle_id = self._vehicles.get(command_id)
        if vehicle_id is not None:
            return self.lines[vehicle_id].entries[command_id].record
        return self.ended.get(command_id)

    def of_vehicle(self, vehicle_id: str) -> list[CommandRecord]:
        """What is known of a device's commands, also a while after their ends."""
        line = self.lines.get(vehicle_id)
        found = [one for one in self.ended.values() if one.vehicle_id == vehicle_id]
        return found + ([] if line is None else [e.record for e in line.entries.values()])

    def open_count(self, vehicle_id: str) -> int:
        """How many commands of a device are open."""
        line = self.lines.get(vehicle_id)
        return 0 if line is None else len(line.entries)

    def learn(self, told: CommandRecord) -> tuple[CommandRecord, tuple[Transition, ...]]:
        """Take over what is said of a command; the whole of it, and what of it is new here.

        Raises TooManyError for one more than there is room for.
        """
        before = self.get(told.id)
        record = told if before is None else life.merge(before, told)
        if record is before:
            return record, ()
        standing = life.standing(record)
        if before is None and standing.open and len(self) >= self.open_most:
            raise TooManyError("too many commands are open on all devices together")
        new = life.news(before, record)
        for transition in new:
            if transition.reference is not None:
                self._remember(record.vehicle_id, transition.reference)
        if standing.open and record.id not in self.ended:
            self._vehicles[record.id] = record.vehicle_id
            line = self.lines.setdefault(record.vehicle_id, Line())
            line.entries[record.id] = Entry(record, standing)
        else:
            self._close(record)
        if before is None:
            self._overrule(record)
        return record, new

    def _overrule(self, record: CommandRecord) -> None:
        """Look for engine cuts that a restore was asked for after, when one of them is new."""
        line = self.lines.get(record.vehicle_id)
        if line is None or record.kind not in life.JUMPS:
            return
        if record.kind is CommandKind.ENGINE_RESTORE:
            cuts = [e.record for e in line.entries.values() if _overrules(record, e.record)]
            line.superseded.update(cut.id for cut in cuts)
        elif any(_overrules(other, record) for other in self.of_vehicle(record.vehicle_id)):
            line.superseded.add(record.id)

    def forget(self, command_id: str) -> None:
        """Keep nothing of a command that has ended."""
        self.ended.pop(command_id, None)

    def overfull(self) -> list[str]:
        """Ended commands that there is no room for, the oldest first; they are forgotten."""
        surplus = list(islice(self.ended, max(0, len(self.ended) - self._ended_most)))
        for id_ in surplus:
            del self.ended[id_]
        return surplus

    def _close(self, record: CommandRecord) -> None:
        vehicle_id = self._vehicles.pop(record.id, None)
        if vehicle_id is not None:
            line = self.lines[vehicle_id]
            line.sent_on.pop(record.id, None)
            line.superseded.discard(record.id)
            del line.entries[record.id]
            if not line.entries:
                del self.lines[vehicle_id]
        self.ended[record.id] = record

    # -- sending -----------------------------------------------------------------------------------

    def next_act(
        self,
        vehicle_id: str,
        now: float,
        connection: Connection,
        *,
        held: Container[str] = (),
        without: Container[str] = (),
    ) -> tuple[Act, Entry] | None:
        """What to do next for a device that is on `connection`; None: nothing now.

        `held` are commands that may not be sent now: the device does not listen to them, or its
        vehicle is too fast. `without` are those that this node may not touch now.
        """
        line = self.lines.get(vehicle_id)
        if line is None:
            return None
        number = connection.number
        queue = [entry for entry in line.queue() if entry.record.id not in without]
        for entry in queue:
            if entry.record.id in line.superseded:
                return Act.SUPERSEDE, entry
        flying = line.in_flight()
        if flying is not None:
            anew = connection.since > (flying.standing.sent_time or now)
            anew = anew and number not in line.sent_on.get(flying.record.id, ())
            anew = anew and flying.record.kind not in connection.silent
            anew = anew and flying.record.id not in without
            if anew and life.may_repeat(flying.record, flying.standing, now):
                return Act.REPEAT, flying
            return None
        for entry in queue:
            if now >= entry.record.expires_time:
                continue
            if line.sent_on.get(entry.record.id, []).count(number) >= SENT_ON_ONE_CONNECTION:
                continue
            if entry.record.id in held:
                if entry.standing.state is not CommandState.HELD:
                    return Act.HOLD, entry
                continue
            return Act.SEND, entry
        return None

    def sent_on(self, record: CommandRecord, connection: int) -> None:
        """Remember on which connection an open command was sent."""
        line = self.lines.get(record.vehicle_id)
        if line is not None and record.id in line.entries:
            line.sent_on.setdefault(record.id, []).append(connection)

    def new_reference(self, vehicle_id: str, now: float) -> int:
        """A reference that no recent command of the device had, 1 to 65,535.

        They count up. Where none is remembered, the clock says where to begin, which no command
        of the last 18 hours can have reached.
        """
        before = self._references.get(vehicle_id)
        if before is None:
            before = int(now) % REFERENCE_MOST
        reference = before % REFERENCE_MOST + 1
        self._remember(vehicle_id, reference)
        return reference

    def _remember(self, vehicle_id: str, reference: int) -> None:
        self._references[vehicle_id] = reference
        self._references.move_to_end(vehicle_id)
        if len(self._references) > REFERENCES_MOST:
            self._references.popitem(last=False)

    def match(
        self, vehicle_id: str, reference: int | None, kind: CommandKind | None = None
    ) -> CommandRecord | None:
        """The command that a device's reply belongs to.

        By its reference where it has one, of whichever attempt; else the oldest that is
        unanswered, of a kind where the reply can only be to that.
        """
        line = self.lines.get(vehicle_id)
        if line is None:
            return None
        asked = [entry for entry in line.entries.values() if entry.standing.attempts]
        if kind is not None:
            asked = [entry for entry in asked if entry.record.kind is kind]
        if reference is not None:
            asked = [entry for entry in asked if reference in entry.standing.references]
        sent = [entry for entry in asked if entry.standing.state is CommandState.SENT]
        return min(sent or asked, key=_age).record if asked else None

    def open_by_state(self) -> Mapping[str, int]:
        """How many are open in each state."""
        return Counter(entry.standing.state.value for entry in self)
