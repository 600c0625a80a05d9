"""Commands to devices behind one broker: each is published where its device listens.

Where that is follows from the topic under which the device reported last. A command is published
once for each attempt, at QoS 1. What the broker has not confirmed when its connection is lost is
not published again behind the back of `tracker.commands`, which asks again or gives up; and by MQTT
5 the broker keeps a command for a device that is away no longer than a reply is waited for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from tracker.commands.life import DANGEROUS
from tracker.devices.polls import NUMBERS
from tracker.errors import CommandError
from tracker.model import Command, CommandKind, Vehicle
from tracker.mqtt.link import Link
from tracker.protocols.base import Reply
from tracker.protocols.documents import wishes
from tracker.protocols.publications import Reader

# Devices whose way is remembered, those that came first go first: as many as a node has vehicles
# unless set, some 30 MB.
DEVICES_MOST = 100_000
UNCONFIRMED_MOST = 1_000  # commands that the broker has not confirmed
PACKET_OVERHEAD = 32  # bytes of a PUBLISH beside topic and payload, at most
# Of OwnTracks: an app says nothing to them, and that they have arrived the broker keeps to itself.
OWNTRACKS_SILENT = frozenset({CommandKind.INTERVAL, CommandKind.CUSTOM})

Replied = Callable[[Vehicle, Reply, float], bool]


class Behind:
    """The way to one device behind the broker. A `Way`, see tracker.commands.base."""

    __slots__ = ("_outbox", "_reference", "heard", "ident", "topic", "vehicle")

    # The device's connection is the broker's: ours says nothing of what has arrived.
    named_at = 0.0
    settled = True

    def __init__(self, outbox: Outbox, vehicle: Vehicle) -> None:
        self._outbox = outbox
        self._reference = 0
        self.vehicle = vehicle
        self.ident = ""  # as it was stated last
        self.topic = ""  # under which it reported last
        self.heard = 0.0  # Unix time of that

    @property
    def number(self) -> int:
        """Of the connection to the broker."""
        return self._outbox.number

    def serves(self, vehicle_id: str) -> bool:
        """Whether the broker can be given something for this device now."""
        return vehicle_id == self.vehicle.id and self._outbox.link.connected

    def barred(self, kind: CommandKind) -> str:
        """Why no command of a kind can reach the device by this broker; "" where it can."""
        return self._outbox.barred(self, kind)

    def deaf(self, command: Command) -> str:
        """Why a command cannot go now; "" where it can."""
        return self.barred(command.kind) or self._outbox.full

    def silent(self) -> frozenset[CommandKind]:
        """Kinds to which the device does not reply."""
        return OWNTRACKS_SILENT if self._outbox.says_owntracks(self) else frozenset()

    def encode(self, command: Command) -> bytes:
        """The message of a command. Raises CommandError."""
        if barred := self.barred(command.kind):
            raise CommandError(barred, value=command.kind)
        self._reference = command.reference
        return self._outbox.encode(self, command)

    def send(self, frame: bytes) -> None:
        """Publish the message that was encoded last."""
        self._outbox.publish(self, frame, self._reference)


class Outbox:
    """The commands of one source, and whose replies a broker's refusals are."""

    def __init__(
        self,
        link: Link,
        reader: Reader,
        name: str,
        replied: Replied,
        *,
        allowed: bool,
        keep_s: float = 60.0,
    ) -> None:
        self.link = link
        self.number = next(NUMBERS)
        self.stats: Counter[str] = Counter()
        self.by_vehicle: dict[str, Behind] = {}
        self._reader = reader
        self._name = name
        self._replied = replied
        self._allowed = allowed
        self._keep_s = keep_s  # that the broker may keep a command
        self._unconfirmed: dict[int, tuple[Vehicle, int]] = {}  # by packet: whose, and reference
        link.on_up = self._came_up
        link.on_confirmed = self._confirmed

    def heard(self, vehicle: Vehicle, ident: str, topic: str, now: float) -> None:
        """A device has just reported under a topic."""
        behind = self.by_vehicle.get(vehicle.id)
        if behind is None:
            if len(self.by_vehicle) >= DEVICES_MOST:
                del self.by_vehicle[next(iter(self.by_vehicle))]
            behind = self.by_vehicle[vehicle.id] = Behind(self, vehicle)
        behind.vehicle, behind.ident, behind.topic, behind.heard = vehicle, ident, topic, now

    def barred(self, behind: Behind, kind: CommandKind) -> str:
        """Why no command of a kind can reach a device; "" where it can."""
        if not self._allowed:
            return f"the device reports by the broker {self._name}, which is given no commands"
        if kind in DANGEROUS and self.link.broker.version != "5":
            return (
                f"the broker {self._name} might keep it for hours: by MQTT 5 it can be told not to"
            )
        try:
            self._reader.address(behind.topic, behind.ident)
        except CommandError as exc:
            return exc.message
        return ""

    @property
    def full(self) -> str:
        """Why nothing can be published now; "" where something can."""
        if len(self._unconfirmed) < min(UNCONFIRMED_MOST, self.link.receive_maximum):
            return ""
        return f"the broker {self._name} has not confirmed the latest commands"

    def says_owntracks(self, behind: Behind) -> bool:
        """Whether a device is asked in the words of OwnTracks."""
        try:
            return self._reader.address(behind.topic, behind.ident).owntracks
        except CommandError:
            return False

    def encode(self, behind: Behind, command: Command) -> bytes:
        """The message of a command. Raises CommandError."""
        address = self._reader.address(behind.topic, behind.ident)
        encode = wishes.of_owntracks if address.owntracks else wishes.plain
        message, largest = encode(command), self.link.largest_packet
        size = len(address.topic.encode()) + len(message) + PACKET_OVERHEAD
        if largest is not None and size > largest:
            raise CommandError(f"the broker takes at most {largest} bytes", value=size)
        return message

    def publish(self, behind: Behind, message: bytes, reference: int) -> None:
        """Give a message to the broker."""
        topic = self._reader.address(behind.topic, behind.ident).topic
        packet_id = self.link.publish(topic, message, keep_s=self._keep_s)
        if packet_id is None:  # no packet id is free
            self._refused(behind.vehicle, reference, "it has confirmed nothing for long")
            return
        self.stats["commands_published"] += 1
        self._unconfirmed[packet_id] = behind.vehicle, reference

    def _confirmed(self, packet_id: int, refusal: str | None) -> None:
        vehicle, reference = self._unconfirmed.pop(packet_id, (None, 0))
        if vehicle is None:
            return
        if refusal is None:
            self.stats["commands_confirmed"] += 1
        else:
            self._refused(vehicle, reference, refusal)

    def _refused(self, vehicle: Vehicle, reference: int, why: str) -> None:
        self.stats["commands_refused"] += 1
        text = f"refused by the broker {self._name}: {why}"
        self._replied(vehicle, Reply(reference=reference, success=False, text=text), time.time())

    def _came_up(self) -> None:
        """A new connection: what was under way on the old one is not published again."""
        self.number = next(NUMBERS)
        self.stats["commands_forgotten"] += len(self._unconfirmed)
        self._unconfirmed.clear()
        self.link.forget()
