"""The ways to devices: which connection, source of datagrams or broker leads to a device, and how
fast it is. One that asks and cannot be called has none: its way comes with each poll.

Several nodes may hold a connection of one device: it has left a dead one behind where it was
before. The node that heard of it last holds it.
"""

from __future__ import annotations

import time

from tracker.commands.base import Way
from tracker.commands.kinds import silent_kinds
from tracker.devices.datagrams import Datagrams
from tracker.devices.gateway import Gateway
from tracker.fleet import Fleet
from tracker.model import CommandKind, Speed
from tracker.mqtt.outbox import Behind
from tracker.mqtt.sources import Sources
from tracker.speeds import newest
from tracker.world import World

HEARD_LATER_S = 1.0  # by which another node's word of a device beats our own: clocks differ
# Translators of addresses forget a way in not much more; the next datagram opens it again.
DATAGRAM_WAY_S = 60.0


class Ways:
    """What this node can reach, and what is known of a vehicle anywhere."""

    def __init__(
        self,
        gateway: Gateway,
        datagrams: Datagrams,
        sources: Sources,
        world: World,
        fleet: Fleet,
    ) -> None:
        self._gateway = gateway
        self._datagrams = datagrams
        self._sources = sources
        self._world = world
        self._fleet = fleet

    def reach(self, vehicle_id: str) -> Way | None:
        """The way to a device, where this node holds it now."""
        connection = self._gateway.by_vehicle.get(vehicle_id)
        source = self._datagrams.by_vehicle.get(vehicle_id)
        behind = self._behind(vehicle_id)
        if connection is None and source is None and behind is None:
            return None
        if self._elsewhere(vehicle_id):
            return None
        if behind is not None:
            return behind if behind.serves(vehicle_id) else None
        if connection is not None and connection.dialogue.serves(vehicle_id):
            return connection.dialogue
        if source is None or time.time() - source.heard > DATAGRAM_WAY_S:
            return None
        return source.dialogue if source.dialogue.serves(vehicle_id) else None

    def _behind(self, vehicle_id: str) -> Behind | None:
        """The way by a broker, where that is by which the device was heard last."""
        behind = self._sources.behind(vehicle_id)
        if behind is None or self._fleet.get(vehicle_id).contact_time > behind.heard:
            return None
        return behind

    def barred(self, vehicle_id: str, kind: CommandKind) -> str:
        """Why no command of a kind can reach a device, as far as this node knows; "" else."""
        behind = self._behind(vehicle_id)
        if behind is None or self._elsewhere(vehicle_id):
            return ""
        return behind.barred(kind)

    def silent(self, vehicle_id: str) -> frozenset[CommandKind]:
        """The kinds of commands to which a device does not reply."""
        behind = self._behind(vehicle_id)
        if behind is not None:
            return behind.silent()
        vehicle = self._gateway.registry.vehicles.get(vehicle_id)
        return silent_kinds("" if vehicle is None else vehicle.protocol)

    def _elsewhere(self, vehicle_id: str) -> bool:
        """Whether another node has heard the device later than this one."""
        slot = self._world.slots.get(vehicle_id)
        told = 0.0 if slot is None else self._world.lives[slot].contact_time
        return told > self._fleet.get(vehicle_id).contact_time + HEARD_LATER_S

    def speed(self, vehicle_id: str) -> Speed | None:
        """The newest speed known of a vehicle: what was heard here, not as late as the next tick,
        or later by another node.
        """
        slot = self._world.slots.get(vehicle_id)
        told = None if slot is None else self._world.lives[slot].speed
        return newest(self._fleet.get(vehicle_id).speed, told)
