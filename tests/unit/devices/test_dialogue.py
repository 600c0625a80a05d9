"""What a device says and is told: order of answers, what waits for the disk, limits, ends.

On a real journal, registry and desk. The carrier keeps what it is given; the decoder says what the
test has written down for it. Nothing lingers: the journal commits when a group is full, so a test
says with a position more or less when that is.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders import T0, fix
from tracker.devices.base import Commands, NoCommands
from tracker.devices.dialogue import MAX_BAD_FRAMES, Dialogue
from tracker.errors import DecodeError
from tracker.fleet import Fleet, MotionRules
from tracker.ingest import Ingest, Limits
from tracker.journal import Journal
from tracker.model import Command, DeviceStatus, Vehicle
from tracker.protocols.base import (
    Alarm,
    Aside,
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
from tracker.registry import Policy, Registry
from tracker.ticks import Ticks

NEVER_S = 3_600.0
LOGIN = Login(b"welcome", ident="1001", refusal=b"go away")


class Desk:
    """The parts that a gateway has, real ones, and its counters."""

    def __init__(self, journal: Journal, policy: Policy) -> None:
        self.registry = Registry(policy)
        self.ingest = Ingest(Fleet(MotionRules()), Ticks(1.0), Limits())
        self.journal = journal
        self.commands: Commands = NoCommands()
        self.stats: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()
        self.decode_errors: Counter[tuple[str, str]] = Counter()


class Carrier:
    """Keeps what it is told. Like a transport, it says nothing more once it is closing."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.bound: list[tuple[str, str | None]] = []
        self.ends: list[str] = []
        self.wrote = asyncio.Event()

    @property
    def closing(self) -> bool:
        return bool(self.ends)

    def write(self, answers: Sequence[bytes]) -> None:
        assert answers
        assert not self.ends, "nothing is said behind the end"
        self.said += answers
        self.wrote.set()

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:
        self.bound.append((vehicle.device, before.device if before else None))

    def close(self, reason: str) -> None:
        self.ends.append(reason)
        self.wrote.set()


class Script:
    """A decoder that says what is written down."""

    name = "script"
    buffered = 0

    def __init__(self) -> None:
        self.lines: deque[Message | DecodeError] = deque()

    def receive_data(self, data: bytes) -> None:
        raise AssertionError("nobody sends bytes here")

    def next_message(self) -> Message | None:
        line = self.lines.popleft() if self.lines else None
        if isinstance(line, DecodeError):
            raise line
        return line

    def encode(self, command: Command) -> bytes:
        return f"<{command.kind}>".encode()


class Talk:
    """A dialogue and everybody around it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.carrier = Carrier()
        self.session = Session()
        self.dialogue = Dialogue(desk, self.carrier, self.session)
        self.script = Script()
        self.steps = 0

    def hear(self, *lines: Message | DecodeError, now: float = T0) -> int:
        """The device says this."""
        self.script.lines.extend(lines)
        return self.dialogue.drain(self.script, now)

    def fixes(self, count: int = 1) -> tuple[Any, ...]:
        """Fixes that nobody has seen yet."""
        self.steps += count
        return tuple(fix(n, lat=46 + n * 1e-4) for n in range(self.steps - count, self.steps))

    def positions(self, answer: bytes, count: int = 1) -> Positions:
        return Positions(answer, durable=True, fixes=self.fixes(count))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.carrier.wrote.clear()
                await self.carrier.wrote.wait()


@asynccontextmanager
async def talking(path: Path, *, group: int = 1, policy: Policy = "auto") -> AsyncIterator[Talk]:
    """A dialogue whose journal commits as soon as `group` positions are there, and not before."""
    journal = Journal(path / "journal.sqlite", linger_s=NEVER_S, group_positions=group)
    await journal.start()
    try:
        yield Talk(Desk(journal, policy))
    finally:
        await journal.close()


# -- answers ---------------------------------------------------------------------------------------


async def test_what_promises_nothing_is_answered_at_once(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        assert talk.hear(LOGIN, Heartbeat(b"beat"), Notice(b"noted", kind="text")) == 3
        assert talk.carrier.said == [b"welcome", b"beat", b"noted"]
        assert talk.desk.frames == {"script": 3}


async def test_what_promises_storage_waits_for_it(tmp_path: Path) -> None:
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, talk.positions(b"one"))
        assert talk.carrier.said == [b"welcome"]
        assert talk.dialogue.unsaid == 1
        talk.hear(talk.positions(b"two"))
        await talk.until(lambda: len(talk.carrier.said) == 3)
        assert talk.carrier.said == [b"welcome", b"one", b"two"]
        assert talk.desk.journal.committed_positions == 2
        assert talk.dialogue.unsaid == 0


async def test_nothing_overtakes_an_answer_that_waits(tmp_path: Path) -> None:
    async with talking(tmp_path, group=3) as talk:
        talk.hear(LOGIN, talk.positions(b"one"), Heartbeat(b"beat"), talk.positions(b"two"))
        talk.hear(Heartbeat(b"beat again"), Heartbeat())
        assert talk.carrier.said == [b"welcome"]
        assert talk.dialogue.unsaid == 4  # what has no answer waits for nothing
        talk.hear(talk.positions(b"three"), Heartbeat(b"last"))
        await talk.until(lambda: talk.carrier.said[-1] == b"last")
        assert talk.carrier.said == [
            b"welcome", b"one", b"beat", b"two", b"beat again", b"three", b"last",
        ]  # fmt: skip


async def test_each_answer_leaves_with_its_own_commit(tmp_path: Path) -> None:
    """The second group is not on disk: what promises it waits, though the first is."""
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, talk.positions(b"one", 2), talk.positions(b"two"), Heartbeat(b"beat"))
        await talk.until(lambda: b"one" in talk.carrier.said)
        assert talk.carrier.said == [b"welcome", b"one"]
        assert talk.desk.journal.pending == 1
        talk.hear(talk.positions(b"three"))
        await talk.until(lambda: len(talk.carrier.said) == 5)
        assert talk.carrier.said[2:] == [b"two", b"beat", b"three"]


async def test_a_message_over_two_groups_waits_for_both(tmp_path: Path) -> None:
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, talk.positions(b"three fixes", 3))
        while talk.desk.journal.commits == 0:
            await asyncio.sleep(0)
        assert talk.carrier.said == [b"welcome"]
        talk.hear(talk.positions(b"one more"))
        await talk.until(lambda: len(talk.carrier.said) == 3)


async def test_a_promise_about_nothing_new_waits_for_what_was_before(tmp_path: Path) -> None:
    """A position that comes again is not stored again; its first time must be on disk."""
    async with talking(tmp_path, group=2) as talk:
        again = talk.positions(b"one")
        talk.hear(LOGIN, again, again)
        assert talk.carrier.said == [b"welcome"]
        assert talk.desk.journal.pending in (1, 2)
        talk.hear(talk.positions(b"two"), talk.positions(b"three"))
        await talk.until(lambda: b"two" in talk.carrier.said)
        assert talk.carrier.said[:4] == [b"welcome", b"one", b"one", b"two"]


async def test_a_durable_answer_without_a_position_yet_has_nothing_to_wait_for(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, Heartbeat(b"beat", durable=True))
        assert talk.carrier.said == [b"welcome", b"beat"]


async def test_what_no_column_can_hold_is_answered_and_counted(tmp_path: Path) -> None:
    """Unanswered it would come for ever."""
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN)
        far = 1e15  # no column holds its microseconds; the desk lets the clock of the server pass
        talk.hear(Positions(b"taken", durable=True, fixes=talk.fixes()), now=far)
        assert talk.carrier.said == [b"welcome", b"taken"]
        assert talk.desk.stats == {"unstorable": 1}
        assert talk.desk.journal.pending == 0


async def test_a_reply_with_fixes_stores_them(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN, Reply(b"thanks", durable=True, reference=7, fixes=talk.fixes()))
        await talk.until(lambda: b"thanks" in talk.carrier.said)
        assert talk.desk.journal.committed_positions == 1


async def test_what_waits_is_never_said_when_the_carrier_is_gone(tmp_path: Path) -> None:
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, talk.positions(b"one"))
        talk.dialogue.drop_answers()
        assert talk.dialogue.unsaid == 0
        talk.desk.journal.append(
            talk.desk.ingest.accept(talk.desk.registry.find("1001"), talk.fixes(), T0)  # type: ignore[arg-type]
        )
        while talk.desk.journal.pending:
            await asyncio.sleep(0)
        assert talk.carrier.said == [b"welcome"]


async def test_two_dialogues_of_one_group_each_get_their_own(tmp_path: Path) -> None:
    async with talking(tmp_path, group=2) as one:
        other = Talk(one.desk)
        one.hear(LOGIN, one.positions(b"to one"))
        other.hear(Login(b"hello", ident="1002"), other.positions(b"to the other"))
        await one.until(lambda: b"to one" in one.carrier.said)
        await other.until(lambda: b"to the other" in other.carrier.said)
        assert one.carrier.said == [b"welcome", b"to one"]
        assert other.carrier.said == [b"hello", b"to the other"]


# -- who speaks ------------------------------------------------------------------------------------


async def test_a_login_makes_a_vehicle_and_binds_it(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(Login(b"hi", ident="001001", attributes={"plate": "LJ 42"}))
        vehicle = talk.desk.registry.find("1001")
        assert vehicle is not None
        assert (vehicle.name, vehicle.protocol) == ("LJ 42", "script")
        assert talk.dialogue.vehicle == vehicle
        assert talk.carrier.bound == [("001001", None)]


async def test_several_devices_take_turns(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        one, two = (Login(b"hi", ident=ident) for ident in ("1001", "1002"))
        talk.hear(one, talk.positions(b"a"), two, talk.positions(b"b"), one, Heartbeat())
        await talk.until(lambda: b"b" in talk.carrier.said)
        assert talk.carrier.bound == [("1001", None), ("1002", "1001"), ("1001", "1002")]
        for ident in ("1001", "1002"):
            vehicle = talk.desk.registry.find(ident)
            assert vehicle is not None
            live = talk.desk.ingest.fleet.get(vehicle.id)
            assert live is not None
            assert live.position is not None


async def test_the_clock_of_the_vehicles_record_reaches_the_decoder(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN)
        vehicle = talk.dialogue.vehicle
        assert vehicle is not None
        assert talk.session.utc_offset_s is None
        talk.desk.registry.change(vehicle.id, utc_offset_s=28_800)
        talk.hear(LOGIN)
        assert talk.session.utc_offset_s == 28_800


async def test_without_a_name_nothing_counts(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(talk.positions(b"taken"), Heartbeat(b"beat"))
        assert talk.carrier.said == []
        assert talk.carrier.ends == ["no_login"]
        assert talk.desk.journal.pending == 0


@pytest.mark.parametrize("policy", ["reject", "pending"])
async def test_who_may_not_report_is_told_and_not_listened_to(
    tmp_path: Path, policy: Policy
) -> None:
    async with talking(tmp_path, policy=policy) as talk:
        talk.hear(LOGIN, talk.positions(b"taken"))
        assert talk.carrier.said == [b"go away"]
        assert talk.carrier.ends == ["refused"]
        assert talk.desk.journal.pending == 0
        assert talk.dialogue.vehicle is None


async def test_who_is_suspended_is_turned_away_with_the_next_login(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN)
        vehicle = talk.dialogue.vehicle
        assert vehicle is not None
        talk.desk.registry.change(vehicle.id, status=DeviceStatus.PENDING)
        talk.hear(LOGIN)
        assert talk.carrier.said == [b"welcome", b"go away"]
        assert talk.carrier.ends == ["refused"]


# -- what is known of a device ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "known"),
    [
        (Heartbeat(attributes={"battery_v": 3.9}), {"battery_v": 3.9}),
        (Alarm(alarms=("sos",), attributes={"alarm_code": 4}), {"alarm_code": 4}),
        (Notice(kind="device", attributes={"firmware": "2"}), {"firmware": "2"}),
        (Notice(kind="unknown", attributes={"kind": "x"}), {}),
        (Notice(kind="no_fix", attributes={"satellites": 0}), {}),
        (Reply(reference=1, text="OK"), {"text": "OK"}),
        (Reply(reference=1), {}),
    ],
)
async def test_contact(tmp_path: Path, message: Message, known: dict[str, Any]) -> None:
    """Whatever it says, the device lives; passing notices leave nothing behind."""
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN)
        talk.hear(message, now=T0 + 5)
        vehicle = talk.dialogue.vehicle
        assert vehicle is not None
        live = talk.desk.ingest.fleet.get(vehicle.id)
        assert live is not None
        assert live.contact_time == T0 + 5
        assert dict(live.attributes) == known
        assert live.alarms == (("sos",) if isinstance(message, Alarm) else ())


# -- damage ----------------------------------------------------------------------------------------


def bad(count: int, kind: str = "checksum") -> Iterable[DecodeError]:
    return (DecodeError(kind, "damaged") for _ in range(count))


async def test_damaged_frames_are_counted_by_kind_and_passed_over(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        whole = talk.hear(LOGIN, *bad(2), Heartbeat(b"beat"), *bad(1, "length"))
        assert whole == 2
        assert talk.carrier.said == [b"welcome", b"beat"]
        assert talk.desk.decode_errors == {("script", "checksum"): 2, ("script", "length"): 1}
        assert talk.carrier.ends == []


async def test_a_good_frame_among_the_bad_starts_the_count_anew(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN, *bad(MAX_BAD_FRAMES - 1), Heartbeat(), *bad(MAX_BAD_FRAMES - 1))
        assert talk.carrier.ends == []
        talk.hear(*bad(1))
        assert talk.carrier.ends == ["bad_frames"]


async def test_nothing_is_heard_behind_too_many_bad_frames(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN, *bad(MAX_BAD_FRAMES + 5), Heartbeat(b"beat"))
        assert talk.carrier.said == [b"welcome"]
        assert talk.desk.decode_errors["script", "checksum"] == MAX_BAD_FRAMES


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (Logout(b"bye"), "logout"),
        (Aside(b"bye", last=True), "logout"),
        (Refused(b"bye", reason="size", last=True), "bad_request"),
    ],
)
async def test_the_end_comes_when_everything_is_said(
    tmp_path: Path, last: Message, reason: str
) -> None:
    """What promises storage is still stored and answered; what comes behind is not heard."""
    async with talking(tmp_path, group=2) as talk:
        talk.hear(LOGIN, talk.positions(b"one"), last, talk.positions(b"two"), Heartbeat(b"beat"))
        assert talk.carrier.ends == []
        assert talk.desk.journal.pending == 1
        talk.hear(Heartbeat(b"beat"))
        talk.desk.journal.append(
            talk.desk.ingest.accept(talk.desk.registry.find("1001"), talk.fixes(), T0)  # type: ignore[arg-type]
        )
        await talk.until(lambda: talk.carrier.ends != [])
        assert talk.carrier.said == [b"welcome", b"one", b"bye"]
        assert talk.carrier.ends == [reason]


async def test_with_nothing_waiting_the_end_is_at_once(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN, Logout(b"bye"), Heartbeat(b"beat"))
        assert talk.carrier.said == [b"welcome", b"bye"]
        assert talk.carrier.ends == ["logout"]


async def test_refusals_and_asides_need_no_name_and_end_nothing(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(Refused(b"no", reason="no_login"), Aside(b"go on"), LOGIN)
        assert talk.carrier.said == [b"no", b"go on", b"welcome"]
        assert talk.carrier.ends == []
