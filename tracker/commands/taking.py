"""Taking a command from a person: what has to be true before it is stored, and taking it back.

A command is durable, and the other nodes know of it, before whoever asked hears that it was taken;
so is the end of one that is taken back. With a key the same request, made again on whichever node,
is the same command: its id follows from vehicle and key.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import orjson

from tracker.commands import life
from tracker.commands.desk import CommandDesk
from tracker.commands.rehearsal import check
from tracker.commands.sending import Sender
from tracker.errors import (
    BusError,
    CommandError,
    ConfirmationError,
    ConflictError,
    NotFoundError,
    TooFastError,
    TooManyError,
    UnknownSpeedError,
)
from tracker.model import NOTHING, CommandKind, CommandRecord, CommandState, Vehicle
from tracker.storage import commands

ID_BYTES = 10  # 16 characters; two of a billion commands are equal once in a million such fleets


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at all."""

    open_per_device: int = 20
    expires_s: float = 86_400.0
    cut_expires_s: float = 900.0  # an engine cut hours later would surprise everybody


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for; `confirm` and `key` as they came.

    `speed_unknown`: an engine cut is meant although nobody knows how fast the vehicle is.
    """

    kind: CommandKind
    parameters: Mapping[str, Any]
    expires_s: float | None = None
    confirm: str | None = None
    key: str | None = None
    speed_unknown: bool = False

    @property
    def kept(self) -> dict[str, Any]:
        """The parameters that the command is kept with."""
        word = {life.SPEED_UNKNOWN: True} if self.speed_unknown else {}
        return {**self.parameters, **word}


def command_id(vehicle_id: str, key: str | None) -> str:
    """A new id; with a key, the one that belongs to it."""
    if key is None:
        raw = secrets.token_bytes(ID_BYTES)
    else:
        raw = hashlib.blake2b(f"{vehicle_id}\n{key}".encode(), digest_size=ID_BYTES).digest()
    return base64.b32encode(raw).decode().lower()


class Taker:
    """Takes commands, and takes them back."""

    def __init__(
        self,
        desk: CommandDesk,
        sender: Sender,
        limits: Limits | None = None,
        options: Mapping[str, Any] = NOTHING,
    ) -> None:
        self.desk = desk
        self.limits = limits or Limits()
        self.options = options
        self._sender = sender
        self._taking: Counter[str] = Counter()  # by vehicle, while they are being stored
        self._keyed: dict[str, asyncio.Lock] = {}  # by command, while requests for it are there

    async def take(self, vehicle: Vehicle, wish: Wish) -> tuple[CommandRecord, bool]:
        """Store a command and set it on its way; the command, and whether it is new.

        Raises CommandError, ConfirmationError, TooFastError, UnknownSpeedError, TooManyError,
        ConflictError for a key that was used for another command, and StoreError.
        """
        id_ = command_id(vehicle.id, wish.key)
        async with self._one_at_a_time(id_) if wish.key is not None else nullcontext():
            if wish.key is not None:
                known = await self.desk.find(id_)
                if known is not None:
                    return _same(known, wish), False
            check(vehicle.protocol, vehicle.device, wish.kind, wish.parameters, self.options)
            if barred := self._sender.barred(vehicle.id, wish.kind):
                raise CommandError(barred, value=wish.kind.value)
            self._confirm(vehicle, wish)
            self._check_room(vehicle)
            if wish.key is not None:
                known = await self._claim(vehicle, wish, id_)
                if known is not None:
                    return _same(known, wish), False
            return await self._store(vehicle, wish, id_), True

    async def cancel(self, command_id: str) -> CommandRecord:
        """Take back a command that is not sent. Raises NotFoundError, ConflictError, BusError."""
        record = await self.desk.find(command_id)
        if record is None:
            if not self.desk.cluster.steady:
                raise BusError("other nodes cannot be asked whether there is such a command")
            raise NotFoundError(f"no command {command_id}", value=command_id)
        async with self.desk.turn(record) as current:
            if current is None:
                raise self._why_not(self.desk.table.get(command_id) or record)
            so_far = life.standing(current)
            if not so_far.waiting or so_far.attempts:
                raise self._why_not(current)
            return await self.desk.kept(
                self.desk.take(current, CommandState.CANCELLED, time.time())
            )

    def _why_not(self, record: CommandRecord) -> ConflictError | BusError:
        so_far = life.standing(record)
        if so_far.open and not so_far.attempts:
            if not self.desk.cluster.steady:
                return BusError("other nodes cannot be asked whether the command is being sent")
            return ConflictError("the command is being sent", value=so_far.state.value)
        state = so_far.state.value if not so_far.waiting else "sent, and will be sent again"
        return ConflictError(f"the command is {state}: only what is not sent can be taken back")

    def _confirm(self, vehicle: Vehicle, wish: Wish) -> None:
        if wish.kind not in life.DANGEROUS:
            return
        if wish.confirm is None or wish.confirm.strip() != vehicle.device:
            raise ConfirmationError(
                f'{wish.kind.value} is dangerous: send "confirm" with the identity of the device,'
                f' "{vehicle.device}"',
                value=wish.confirm,
            )
        found = self._sender.pace(vehicle.id)
        if found.too_fast:
            most = self._sender.cut.max_speed_kmh
            raise TooFastError(f"{found.too_fast}; an engine is cut at {most:g} km/h at most")
        if found.unknown and not wish.speed_unknown:
            raise UnknownSpeedError(
                f'{found.unknown}: send "{life.SPEED_UNKNOWN}": true if you know that it stands'
            )

    async def _claim(self, vehicle: Vehicle, wish: Wish, id_: str) -> CommandRecord | None:
        """The command of this key that another node has taken and this one not heard of yet.

        Raises ConflictError where another node is taking another command by the same key. Without
        the bus nobody can be asked.
        """
        cluster = self.desk.cluster
        order = orjson.dumps([wish.kind, wish.kept], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(order, digest_size=ID_BYTES).hexdigest()
        try:
            if not await cluster.claim_command(f"key.{id_}", digest):
                raise _used(wish)
            kept = await cluster.kept_command(vehicle.id, id_)
        except BusError:
            return None
        if kept is not None:
            self.desk.told([kept])
        return kept

    def _check_room(self, vehicle: Vehicle) -> None:
        limits, table = self.limits, self.desk.table
        taken = table.open_count(vehicle.id) + self._taking[vehicle.id]
        if taken >= limits.open_per_device:
            raise TooManyError(f"{taken} commands of this device are open already", value=taken)
        if len(table) + self._taking.total() >= table.open_most:
            raise TooManyError("too many commands are open on all devices together")

    def _expires_s(self, wish: Wish) -> float:
        """As wished, but that an engine cut surprises nobody hours later."""
        if wish.kind is CommandKind.ENGINE_CUT:
            return min(wish.expires_s or math.inf, self.limits.cut_expires_s)
        return self.limits.expires_s if wish.expires_s is None else wish.expires_s

    async def _store(self, vehicle: Vehicle, wish: Wish, id_: str) -> CommandRecord:
        self._check_room(vehicle)
        now = time.time()
        record = life.begun(
            CommandRecord(
                id=id_,
                vehicle_id=vehicle.id,
                kind=wish.kind,
                parameters=wish.kept,
                created_time=now,
                expires_time=now + self._expires_s(wish),
                node=self.desk.node,
            ),
            start=self.desk.start_id,
        )
        self._taking[vehicle.id] += 1
        try:
            await commands.save(self.desk.store, [record])
        finally:
            self._taking[vehicle.id] -= 1
            if not self._taking[vehicle.id]:
                del self._taking[vehicle.id]
        self.desk.begin(record)
        await self.desk.cluster.spread()  # from here on the others do what this node cannot
        return record

    @asynccontextmanager
    async def _one_at_a_time(self, id_: str) -> AsyncIterator[None]:
        lock = self._keyed.setdefault(id_, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._keyed.get(id_) is lock:
                del self._keyed[id_]


def _same(known: CommandRecord, wish: Wish) -> CommandRecord:
    if known.kind is not wish.kind or dict(known.parameters) != wish.kept:
        raise _used(wish)
    return known


def _used(wish: Wish) -> ConflictError:
    return ConflictError("this Idempotency-Key was used for another command", value=wish.key)
