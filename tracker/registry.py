"""Which device belongs to which vehicle, and what happens to a device that nobody knows.

A device is found by its identity in normal form, so that `012345678901` and `12345678901` are one
device, whatever protocol padded it. A vehicle that is made for an unknown device gets its id from
that identity: every node comes to the same one without asking another.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from tracker.errors import NotFoundError
from tracker.model import DeviceStatus, Vehicle

MAX_IDENT_CHARS = 64  # the longest identity of any protocol here is 30
MAX_PENDING = 10_000  # devices waiting for a decision; more is an attack, not a fleet
DEFAULT_FLEET = "main"

Policy = Literal["auto", "pending", "reject"]


def normal_ident(ident: str) -> str:
    """The form in which identities are compared."""
    ident = ident.strip()
    if ident.isascii() and ident.isdigit():
        return ident.lstrip("0") or "0"
    return ident.lower()


def vehicle_id(ident: str) -> str:
    """The id of the vehicle that is made for a device: 64 bits of its identity, 13 characters."""
    digest = hashlib.blake2b(normal_ident(ident).encode(), digest_size=8).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()


class Registry:
    """All vehicles that this node knows, by id and by device."""

    def __init__(
        self,
        policy: Policy = "auto",
        max_new_per_minute: int = 12_000,
        max_vehicles: int = 100_000,
    ) -> None:
        self.policy: Policy = policy
        self.vehicles: dict[str, Vehicle] = {}
        self.stats: Counter[str] = Counter()
        self.on_change: Callable[[Vehicle], None] = lambda _: None
        self._by_ident: dict[str, str] = {}
        self._max_new = max_new_per_minute
        self._max_vehicles = max_vehicles
        self._new_times: deque[float] = deque()
        self._pending: set[str] = set()

    def load(self, vehicles: Iterable[Vehicle]) -> None:
        """Take over what the store knows."""
        for vehicle in vehicles:
            self._put(vehicle)

    def adopt(self, vehicle: Vehicle) -> bool:
        """Take over what another node says of a vehicle; whether that is news.

        `on_change` is for changes that begin here: the others know of this one.
        """
        if self.vehicles.get(vehicle.id) == vehicle:
            return False
        self._put(vehicle)
        return True

    def find(self, ident: str) -> Vehicle | None:
        """The vehicle whose device reports this identity."""
        known = self._by_ident.get(normal_ident(ident))
        return None if known is None else self.vehicles[known]

    def identify(self, ident: str, protocol: str, now: float, plate: str = "") -> Vehicle | None:
        """The vehicle of a device that names itself; None: it may not report.

        What happens to an unknown one is the policy's: `auto` makes a vehicle for it, `pending`
        keeps it for an administrator to admit, `reject` turns it away. A new vehicle is named
        after the number plate, where its device states one.
        """
        vehicle = self.find(ident)
        if vehicle is None:
            vehicle = self._meet(ident, protocol, now, plate)
        elif vehicle.protocol != protocol and vehicle.status is DeviceStatus.ACTIVE:
            vehicle = self.change(vehicle.id, protocol=protocol)
        if vehicle is None or vehicle.status is not DeviceStatus.ACTIVE:
            self.stats["refused"] += 1
            return None
        return vehicle

    def _meet(self, ident: str, protocol: str, now: float, plate: str) -> Vehicle | None:
        if self.policy == "reject" or not ident.strip() or len(ident) > MAX_IDENT_CHARS:
            return None
        if not ident.isprintable() or not self._may_add(now):
            return None
        pending = self.policy == "pending"
        if pending and self.pending_count() >= MAX_PENDING:
            return None
        plate = plate.strip()[:MAX_IDENT_CHARS] if plate.isprintable() else ""
        vehicle = Vehicle(
            id=vehicle_id(ident),
            name=plate or ident.strip(),
            device=ident.strip(),
            protocol=protocol,
            status=DeviceStatus.PENDING if pending else DeviceStatus.ACTIVE,
            created_time=now,
        )
        self.stats["new"] += 1
        self._put(vehicle)
        self.on_change(vehicle)
        return vehicle

    def _may_add(self, now: float) -> bool:
        times = self._new_times
        while times and now - times[0] > 60.0:
            times.popleft()
        if len(times) >= self._max_new or len(self.vehicles) >= self._max_vehicles:
            self.stats["new_over_limit"] += 1
            return False
        times.append(now)
        return True

    def pending_count(self) -> int:
        """Devices that wait for a decision."""
        return len(self._pending)

    def change(self, id_: str, **fields: object) -> Vehicle:
        """A vehicle with other static data. Raises NotFoundError."""
        vehicle = self.vehicles.get(id_)
        if vehicle is None:
            raise NotFoundError(f"no vehicle {id_}", value=id_)
        changed = replace(vehicle, **fields)  # type: ignore[arg-type]
        if changed != vehicle:
            self._put(changed)
            self.on_change(changed)
        return changed

    def _put(self, vehicle: Vehicle) -> None:
        ident = normal_ident(vehicle.device)
        before = self.vehicles.get(vehicle.id)
        if before is not None and self.find(before.device) is before:
            del self._by_ident[normal_ident(before.device)]
        self.vehicles[vehicle.id] = vehicle
        self._by_ident[ident] = vehicle.id
        if vehicle.status is DeviceStatus.PENDING:
            self._pending.add(vehicle.id)
        else:
            self._pending.discard(vehicle.id)
