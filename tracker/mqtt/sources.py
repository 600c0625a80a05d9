"""Sources of positions: brokers that are subscribed to.

Each publication is read by the node's `Reader` and goes the way of every device message, through
a `Dialogue` to the desk and the journal. It is acknowledged to the broker when its positions are on
disk, and not before: what is lost with this process or its connection is published to it again, and
what was stored already is stored once. While the journal is full the broker is not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog
from paho.mqtt.client import MQTTMessage

from tracker.brokers import Source as Settings
from tracker.errors import DecodeError
from tracker.model import Vehicle
from tracker.mqtt.delivery import PROTOCOL, Delivery, Desks
from tracker.mqtt.link import Link, LinkError
from tracker.mqtt.outbox import Behind, Outbox
from tracker.protocols.base import Login, Message, Reply
from tracker.protocols.publications import Reader

UNACKNOWLEDGED_MOST = 1_000  # publications that the broker has ahead of the disk (MQTT 5)
PACKET_MOST = 262_144  # bytes; what is too large to be read is still to be seen and counted
SESSION_S = 7 * 86_400  # that the broker keeps what is published while nobody of us is there
LAST_COMMIT_S = 5.0  # that the disk has at a shutdown

_log = structlog.get_logger(__name__)


class Source:
    """One broker that is listened to."""

    def __init__(
        self, settings: Settings, node: str, desk: Desks, reader: Reader, keep_s: float = 60.0
    ) -> None:
        self.name = settings.name
        self.stats: Counter[str] = Counter()
        self.damaged: Counter[str] = Counter()  # by kind
        self.unacknowledged = 0
        self.subscribed = False
        self._topics = list(settings.topics)
        self._desk = desk
        self._reader = reader
        self._trouble = ""  # why the broker gives us nothing although it is there
        self._subscribing: asyncio.Task[None] | None = None
        self._held = False
        self.link = Link(
            settings,
            settings.client_id or f"tracker-{node}-source-{settings.name}",
            session_s=SESSION_S,
            receive_maximum=UNACKNOWLEDGED_MOST,
            largest_packet=PACKET_MOST,
        )
        self.outbox = Outbox(
            self.link,
            reader,
            settings.name,
            self._replied,
            allowed=settings.commands,
            keep_s=keep_s,
        )
        self.link.on_message = self._received
        self.link.on_ready = self._connected
        self.link.on_down = self._gone

    @property
    def state(self) -> str:
        """For people: `ok`, or why not."""
        if self.link.connected and self.subscribed:
            return "ok"
        return f"away: {self._trouble}" if self._trouble else self.link.state

    @property
    def held(self) -> bool:
        """Whether the broker is not read now because the journal is full."""
        return self._held

    async def close(self) -> None:
        """Read no more, acknowledge what reaches the disk, go."""
        self.link.hold()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT_S):
                while self.unacknowledged and self.link.connected:  # noqa: ASYNC110 - once
                    await asyncio.sleep(0.01)
        if self._subscribing is not None:
            self._subscribing.cancel()
        await self.link.close()

    # -- the connection ----------------------------------------------------------------------------

    def _connected(self) -> None:
        self._subscribing = asyncio.create_task(self._subscribe(), name=f"subscribe {self.name}")

    async def _subscribe(self) -> None:
        """On every connection: the broker may have lost what it knew of us."""
        try:
            await self.link.subscribe(self._topics)
        except LinkError as exc:
            self._trouble = str(exc)
            _log.warning("source.not_subscribed", source=self.name, reason=str(exc))
            self.link.lose(str(exc))
        else:
            self._trouble = ""
            self.subscribed = True

    def _gone(self) -> None:
        self.subscribed = False
        self.stats["to_come_again"] += self.unacknowledged
        self.unacknowledged = 0

    # -- publications ------------------------------------------------------------------------------

    def _received(self, message: MQTTMessage) -> None:
        """One publication; whatever is in it, the source goes on."""
        self.stats["messages"] += 1
        self.stats["bytes"] += len(message.payload)
        self.stats["repeated"] += message.dup
        self.unacknowledged += message.qos > 0
        acknowledge = self._acknowledger(message.mid, message.qos)
        now = time.time()
        try:
            items = self._reader.read(message.topic, bytes(message.payload), now)
        except DecodeError as exc:
            self._complain(exc)
            acknowledge()
            return
        except UnicodeDecodeError:  # paho decodes the topic when it is asked for
            self._complain(DecodeError("topic", "the topic is no text"))
            acknowledge()
            return
        except Exception:  # noqa: BLE001 - a mistake of a reader's would come again for ever
            self._complain(DecodeError("internal", "a mistake of ours", bytes(message.payload)))
            _log.exception("source.reader_failed", source=self.name, topic=message.topic)
            acknowledge()
            return
        groups: list[list[Message]] = []
        for item in items:
            if isinstance(item, DecodeError):
                self._complain(item)
            elif isinstance(item, Login) or not groups:
                groups.append([item])
            else:
                groups[-1].append(item)
        self._deliver(groups, message.topic, acknowledge, now)

    def _replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:
        """To who asked."""
        return self._desk.commands.replied(vehicle, reply, now)

    def _deliver(
        self,
        groups: list[list[Message]],
        topic: str,
        acknowledge: Callable[[], None],
        now: float,
    ) -> None:
        """Each device in a dialogue of its own: that one is refused concerns no other."""
        left = len(groups)

        def one_done() -> None:
            nonlocal left
            left -= 1
            if not left:
                acknowledge()

        for group in groups:
            Delivery(self._desk, one_done, self.outbox, topic).deliver(group, now)
        if not groups:
            acknowledge()
        if self._desk.journal.full and not self._held:
            self._held = True
            self.stats["pauses"] += 1
            self.link.hold()
            self._desk.journal.on_drained(self._drained)

    def _drained(self) -> None:
        self._held = False
        self.link.unhold()

    def _acknowledger(self, packet_id: int, qos: int) -> Callable[[], None]:
        generation = self.link.generation

        def acknowledge() -> None:
            if self.link.acknowledge(packet_id, qos, generation):
                self.stats["acknowledged"] += 1
                self.unacknowledged -= qos > 0

        return acknowledge

    def _complain(self, error: DecodeError) -> None:
        self.damaged[error.kind] += 1
        self._desk.decode_errors[PROTOCOL, error.kind] += 1
        _log.info("source.damaged", source=self.name, kind=error.kind, error=str(error))


class Sources:
    """All of this node."""

    def __init__(
        self,
        settings: Sequence[Settings],
        node: str,
        desk: Desks,
        reader: Reader,
        keep_s: float = 60.0,  # that brokers are to keep commands for devices that are away
    ) -> None:
        self.all = [Source(one, node, desk, reader, keep_s) for one in settings]

    def behind(self, vehicle_id: str) -> Behind | None:
        """The way to a device by the broker through which it was heard last, if by any."""
        found = [way for one in self.all if (way := one.outbox.by_vehicle.get(vehicle_id))]
        return max(found, key=lambda way: way.heard, default=None)

    def start(self) -> None:
        """Begin to connect to all of them."""
        for source in self.all:
            source.link.start()

    async def close(self) -> None:
        """End all of them."""
        await asyncio.gather(*(source.close() for source in self.all))
