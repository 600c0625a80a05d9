"""Commands to devices behind a broker: bounds that hold, and what a broker's answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.brokers import Broker
from tracker.errors import CommandError
from tracker.model import Command, CommandKind, Vehicle
from tracker.mqtt import outbox as outbox_module
from tracker.mqtt.link import Link
from tracker.mqtt.outbox import Behind, Outbox
from tracker.protocols.base import Reply
from tracker.protocols.publications import PLAIN

LOCATE = Command(CommandKind.LOCATE, 7)


class Around:
    """An outbox on a link to a broker that never comes."""

    def __init__(self, *, version: Any = "5", allowed: bool = True) -> None:
        broker = Broker(name="fleet", url="mqtt://127.0.0.1:1", version=version)
        self.link = Link(broker, "test", session_s=60)
        self.replies: list[tuple[str, Reply]] = []
        self.outbox = Outbox(self.link, PLAIN, "fleet", self.replied, allowed=allowed)

    def replied(self, vehicle: Vehicle, reply: Reply, now: float) -> bool:
        assert now > 0
        self.replies.append((vehicle.id, reply))
        return True

    def behind(self, device: str = "van-7", topic: str | None = None) -> Behind:
        """The way to a device that has just reported."""
        vehicle = Vehicle(id=f"v-{device}", name=device, device=device)
        self.outbox.heard(vehicle, device, topic or f"tracker/{device}/position", 1.0)
        return self.outbox.by_vehicle[vehicle.id]


def test_the_devices_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "DEVICES_MOST", 5)
    around = Around()
    for number in range(20):
        around.behind(str(number))
        around.behind(str(number))
    assert list(around.outbox.by_vehicle) == [f"v-{number}" for number in range(15, 20)]


def test_what_is_unconfirmed_is_bounded() -> None:
    around = Around()
    around.link.receive_maximum = 3
    way = around.behind()
    for reference in (1, 2, 3):
        assert way.deaf(LOCATE) == ""
        way.send(way.encode(Command(CommandKind.LOCATE, reference)))
    assert "has not confirmed" in way.deaf(LOCATE)
    assert around.link.on_confirmed is not None
    around.link.on_confirmed(1, None)
    assert way.deaf(LOCATE) == ""
    assert around.outbox.stats == {"commands_published": 3, "commands_confirmed": 1}


def test_a_refusal_is_the_reply_to_its_own_command() -> None:
    around = Around()
    ways = [around.behind("a"), around.behind("b")]
    for reference, way in enumerate(ways, start=11):
        way.send(way.encode(Command(CommandKind.LOCATE, reference)))
    around.link.on_confirmed(2, "Not authorized")
    around.link.on_confirmed(2, "Not authorized")  # it has been told
    around.link.on_confirmed(99, None)
    ((vehicle, reply),) = around.replies
    assert (vehicle, reply.reference, reply.success) == ("v-b", 12, False)
    assert reply.text == "refused by the broker fleet: Not authorized"


def test_a_new_connection_has_a_new_number_and_owes_nothing() -> None:
    around = Around()
    way = around.behind()
    way.send(way.encode(LOCATE))
    before = way.number
    around.link.on_up()
    assert way.number > before
    assert around.outbox.stats["commands_forgotten"] == 1
    around.link.on_confirmed(1, "Not authorized")
    assert around.replies == []


def test_what_the_broker_does_not_bear_is_refused() -> None:
    around = Around()
    around.link.largest_packet = 100
    way = around.behind()
    way.encode(LOCATE)
    with pytest.raises(CommandError, match="at most 100 bytes"):
        way.encode(Command(CommandKind.TEXT, 1, {"text": "x" * 100}))


def test_who_cannot_be_reached() -> None:
    assert "given no commands" in Around(allowed=False).behind().deaf(LOCATE)
    assert "nothing is known" in Around().behind("71", "flespi/x").deaf(LOCATE)
    old = Around(version="3.1.1").behind()
    assert "MQTT 5" in old.barred(CommandKind.ENGINE_CUT)
    assert old.barred(CommandKind.ENGINE_RESTORE) == ""
    with pytest.raises(CommandError, match="MQTT 5"):
        old.encode(Command(CommandKind.ENGINE_CUT, 1))
    assert not old.serves("v-van-7"), "the broker is away"
