"""One connection is held, and what comes out is looked at: the rules that nothing may break."""

from __future__ import annotations

import gc
import json
import math
import signal
import sys
import types
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fuzz.plan import Plan, Read
from tests.unit.protocols.transcripts import AUTH_KEY
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind, Fix
from tracker.protocols.base import PROBE_LIMIT, Aside, Decoder, Login, Message, Refused, Session
from tracker.protocols.detect import detect
from tracker.protocols.registry import family

# CPU seconds that one read may take, with all the messages in it: a thousand times what one does.
HANG_S = 2.0

BUFFERED_MOST = 70_000  # bytes of an incomplete frame: an HTTP body is the longest there is
MESSAGES_MOST = 50_000  # out of one read: more than its bytes is a loop
HELD_MOST = 1_500_000  # bytes that all of a decoder comes to, after hundreds of frames


class BrokenError(Exception):
    """A rule was broken; the message says which."""


class HangError(BaseException):
    """A call took too long. Not an Exception, so that no decoder takes it for its own."""


@dataclass(slots=True)
class Counts:
    """What came out, by protocol."""

    frames: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    fixes: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)  # protocol, kind
    detected: Counter[str] = field(default_factory=Counter)  # protocol, "unknown" or "open"
    commands: Counter[str] = field(default_factory=Counter)  # "written" or "refused"

    def add(self, other: Counts) -> None:
        """Add another account to this one."""
        for name in self.__slots__:
            getattr(self, name).update(getattr(other, name))


@contextmanager
def watchdog() -> Iterator[None]:
    """HangError out of whatever uses more CPU time than `hold` allows it."""

    def bark(*_: object) -> None:
        raise HangError(f"more than {HANG_S} s of CPU in one read")

    before = signal.signal(signal.SIGVTALRM, bark)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def hold(plan: Plan, counts: Counts) -> None:
    """Hold the connection of a plan, within `watchdog`. Raises BrokenError, HangError, or whatever
    a decoder let out.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
    recognise(plan, counts)
    session = Session(now=0.0, auth_key=AUTH_KEY, options=plan.options)
    decoder = family(plan.protocol).decoder(session)
    counts.frames[plan.protocol] += plan.frames
    named = False
    for read in plan.reads:
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
        named = take(decoder, session, read, counts, named=named)
    for kind in CommandKind:
        order(decoder, Command(kind, plan.number % 65_535 + 1, plan.parameters), counts)
    if plan.long:
        check(held(decoder) <= HELD_MOST, f"a decoder holds {held(decoder)} bytes")


def recognise(plan: Plan, counts: Counts) -> None:
    """Ask for the protocol as the bytes arrive, as a gateway does."""
    data = b""
    for read in plan.reads:
        data = (data + read.data)[:PROBE_LIMIT]
        try:
            found = detect(data)
        except DecodeError as error:
            check(error.kind == "unknown", f"detection says {error.kind}")
            counts.detected["unknown"] += 1
            return
        if found is not None:
            counts.detected[found.name] += 1
            return
        check(len(data) < PROBE_LIMIT, "detection is open at its limit")
    counts.detected["open"] += 1


def take(decoder: Decoder, session: Session, read: Read, counts: Counts, *, named: bool) -> bool:
    """Feed one read and look at all that comes out; whether the device has been named."""
    session.now = read.now
    decoder.receive_data(read.data)
    name = decoder.name
    for _ in range(MESSAGES_MOST):
        try:
            message = decoder.next_message()
        except DecodeError as error:
            check(error.kind.islower(), f"a kind {error.kind!r}")
            check(len(error.value) <= DecodeError.KEPT_BYTES, "an error keeps too much")  # type: ignore[arg-type]
            counts.errors[name, error.kind] += 1
            continue
        if message is None:
            break
        named = named or isinstance(message, Login)
        check(named or isinstance(message, Refused | Aside), f"{type(message).__name__} first")
        counts.messages[name] += 1
        look_at(message, counts, name)
    else:
        raise BrokenError(f"more than {MESSAGES_MOST} messages out of {len(read.data)} bytes")
    check(decoder.buffered <= BUFFERED_MOST, f"{decoder.buffered} bytes wait")
    return named


def look_at(message: Message, counts: Counts, name: str) -> None:
    """What base.py and model.py promise of a message."""
    check(isinstance(message, Message), f"a {type(message).__name__}")
    check(isinstance(message.answer, bytes), "an answer that is not bytes")
    check(not (message.durable and isinstance(message, Refused | Aside)), "a refusal that waits")
    if isinstance(message, Login):
        check(message.ident != "", "a login without a name")
    plain(getattr(message, "attributes", {}))
    for fix in getattr(message, "fixes", ()):
        counts.fixes[name] += 1
        look_at_fix(fix)


def look_at_fix(fix: Fix) -> None:
    """A fix that can be stored and drawn."""
    check(-90.0 <= fix.lat <= 90.0 and -180.0 <= fix.lon <= 180.0, f"at {fix.lat} {fix.lon}")
    check(math.isfinite(fix.fix_time), f"time {fix.fix_time}")
    if fix.course_deg is not None:
        check(0.0 <= fix.course_deg < 360.0, f"course {fix.course_deg}")
    check(fix.satellites is None or 0 <= fix.satellites < 1 << 63, f"{fix.satellites} satellites")
    for value in (fix.speed_kmh, fix.altitude_m):
        check(value is None or math.isfinite(value), f"{value} as speed or altitude")
    plain(fix.attributes)


def plain(attributes: Any) -> None:
    """Attributes are JSON, of numbers that other readers of JSON understand."""
    if attributes:
        try:
            orjson.dumps(dict(attributes))
            json.dumps(dict(attributes), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BrokenError(f"attributes are no JSON: {error}: {attributes}") from None


def order(decoder: Decoder, command: Command, counts: Counts) -> None:
    """A command with arbitrary parameters is written or refused."""
    try:
        frame = decoder.encode(command)
    except CommandError:
        counts.commands["refused"] += 1
        return
    check(type(frame) is bytes and frame != b"", f"{command.kind} is written as {frame!r}")
    counts.commands["written"] += 1


def check(holds: bool, what: str) -> None:
    """Raise BrokenError if a rule does not hold."""
    if not holds:
        raise BrokenError(what)


SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def held(root: object) -> int:
    """Bytes of everything that can be reached from an object, code left out."""
    seen: set[int] = set()
    waiting: deque[object] = deque([root])
    size = 0
    while waiting:
        each = waiting.popleft()
        if id(each) in seen or isinstance(each, SHARED):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        waiting.extend(gc.get_referents(each))
    return size
