"""A device that asks and cannot be called: what waits for it rides in its answer, in its turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.unit.builders import T0
from tests.unit.devices.test_dialogue import LOGIN, Talk, talking
from tracker.devices.polls import Poll
from tracker.model import Command, CommandKind, Vehicle
from tracker.protocols.base import Heartbeat, Logout, Reply

LOCATE = Command(CommandKind.LOCATE, 1)


class Room:
    """Puts a command behind the answer."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def deaf(self, command: Command) -> str:
        return "" if command.kind is CommandKind.LOCATE else "not now"

    def encode(self, command: Command) -> bytes:
        return command.kind.encode()

    def filled(self, frame: bytes) -> bytes:
        return self.answer + b"+" + frame


class Commands:
    """Keeps the polls that it is shown; counts how often it was looked at."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.looks = 0
        self.polls: list[Poll] = []
        self.heard_of: list[str] = []
        self.at_once: bytes | None = None
        self.on_poll: Callable[[], None] = lambda: None

    @property
    def waiting(self) -> Commands:
        return self

    def __contains__(self, vehicle_id: str) -> bool:
        self.looks += 1
        return vehicle_id in self.ids

    def heard(self, vehicle_id: str) -> None:
        self.heard_of.append(vehicle_id)

    def polled(self, poll: Poll) -> None:
        self.polls.append(poll)
        self.on_poll()
        if self.at_once is not None:
            poll.send(self.at_once)

    def replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:
        del vehicle, reply, now
        return True


def asking(talk: Talk, *, waiting: bool = True) -> Commands:
    """The device asks from now on; each answer has room."""
    commands = Commands()
    commands.on_poll = talk.carrier.wrote.set
    talk.desk.commands = commands  # type: ignore[assignment]  # as far as a dialogue looks
    talk.hear(LOGIN)
    assert talk.dialogue.vehicle is not None
    if waiting:
        commands.ids.add(talk.dialogue.vehicle.id)
    talk.session.room = lambda: Room(b"filled")
    commands.looks = 0
    return commands


async def test_without_commands_it_costs_one_look(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk, waiting=False)
        talk.hear(Heartbeat(b"plain"))
        assert talk.carrier.said == [b"welcome", b"plain"]
        assert (commands.looks, commands.polls) == (1, [])


async def test_a_command_rides_in_the_answer(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk)
        talk.hear(Heartbeat(b"plain"))
        (poll,) = commands.polls
        assert talk.carrier.said == [b"welcome"]
        assert poll.serves(poll.vehicle_id)
        assert not talk.dialogue.serves(poll.vehicle_id), "without being asked"
        assert poll.deaf(LOCATE) == ""
        poll.send(poll.encode(LOCATE))
        assert talk.carrier.said == [b"welcome", b"filled+locate"]
        assert not poll.serves(poll.vehicle_id)
        poll.release()
        assert len(talk.carrier.said) == 2, "it is said once"
        assert (commands.looks, commands.heard_of) == (1, [])


async def test_what_is_given_at_once_goes_at_once(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk)
        commands.at_once = b"now"
        talk.hear(Heartbeat(b"one"), Heartbeat(b"two"))
        assert talk.carrier.said == [b"welcome", b"filled+now", b"filled+now"]
        assert [poll.number for poll in commands.polls] == sorted(
            {poll.number for poll in commands.polls}
        )


async def test_the_poll_comes_when_everything_before_it_is_on_disk(tmp_path: Path) -> None:
    async with talking(tmp_path, group=2) as talk:
        commands = asking(talk)
        talk.hear(talk.positions(b"one"))
        assert commands.polls == []
        talk.hear(talk.positions(b"two"))
        await talk.until(lambda: len(commands.polls) == 1)
        assert talk.carrier.said == [b"welcome"]
        commands.polls[0].send(b"cmd")
        assert len(commands.polls) == 2, "one at a time, in their order"
        commands.polls[1].release()
        assert talk.carrier.said == [b"welcome", b"filled+cmd", b"two"]


async def test_nothing_overtakes_a_poll(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk)
        talk.hear(Heartbeat(b"one"))
        talk.session.room = lambda: None  # no room in these
        talk.hear(Heartbeat(b"two"), Logout())
        assert talk.carrier.said == [b"welcome"]
        assert talk.carrier.ends == []
        assert talk.dialogue.unsaid == 2
        (poll,) = commands.polls
        assert poll.serves(poll.vehicle_id), "the end comes behind it"
        poll.release()
        assert talk.carrier.said == [b"welcome", b"one", b"two"]
        assert talk.carrier.ends == ["logout"]


async def test_a_poll_ends_with_its_connection(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk)
        talk.hear(Heartbeat(b"one"), now=T0)
        (poll,) = commands.polls
        talk.dialogue.drop_answers()
        assert poll.closed
        assert not poll.serves(poll.vehicle_id)
        poll.send(b"too late")
        assert talk.carrier.said == [b"welcome"]


async def test_a_closing_connection_is_given_no_command(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        commands = asking(talk)
        talk.hear(Heartbeat(b"one"))
        talk.carrier.close("for the test")
        (poll,) = commands.polls
        assert not poll.serves(poll.vehicle_id)


async def test_without_commands_nobody_is_held_up(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.hear(LOGIN)
        talk.session.room = lambda: Room(b"filled")
        talk.hear(Heartbeat(b"plain"))
        assert talk.carrier.said == [b"welcome", b"plain"]
