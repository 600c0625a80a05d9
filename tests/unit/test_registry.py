"""Identities, policies for unknown devices, limits, and what others are told of a vehicle."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, vehicle
from tracker.errors import NotFoundError
from tracker.model import DeviceStatus, Vehicle
from tracker.registry import MAX_IDENT_CHARS, MAX_PENDING, Registry, normal_ident, vehicle_id

IMEI = "356307042441013"


@pytest.mark.parametrize(
    ("ident", "normal"),
    [
        ("012345678901", "12345678901"),
        ("12345678901", "12345678901"),
        ("0000012345678901", "12345678901"),
        (" 12345678901 ", "12345678901"),
        ("0", "0"),
        ("0000", "0"),
        ("ABC-07", "abc-07"),
        ("0x7F", "0x7f"),
        ("٣٤", "٣٤"),  # digits, but not those of a device
    ],
)
def test_the_form_in_which_identities_are_compared(ident, normal):
    assert normal_ident(ident) == normal


def test_an_id_follows_from_the_identity_alone():
    """As `printf %s IMEI | b2sum -l 64` has it, in base32: the same on every node, for ever."""
    assert vehicle_id(IMEI) == vehicle_id("0" + IMEI) == "rvauoxsfsofus"
    assert vehicle_id("abc") == vehicle_id(" ABC") != vehicle_id("abd")


@given(st.text())
def test_ids_are_thirteen_plain_characters(ident):
    assert re.fullmatch("[a-z2-7]{13}", vehicle_id(ident))


def told(registry: Registry) -> list[Vehicle]:
    """Collects what `on_change` says."""
    changes: list[Vehicle] = []
    registry.on_change = changes.append
    return changes


# Unknown devices ----------------------------------------------------------------------------------


def test_auto_makes_a_vehicle():
    registry = Registry("auto")
    changes = told(registry)
    made = registry.identify(f" {IMEI}", "gt06", T0)
    assert made == Vehicle(
        vehicle_id(IMEI), IMEI, IMEI, "main", "", "gt06", DeviceStatus.ACTIVE, created_time=T0
    )
    assert changes == [made]
    assert registry.identify("0" + IMEI, "gt06", T0 + 9, "a plate, too late") is made
    assert changes == [made]
    assert registry.stats == {"new": 1}
    assert registry.find(IMEI) is registry.vehicles[made.id] is made


@pytest.mark.parametrize(
    ("plate", "name"),
    [
        ("", IMEI),
        ("  ", IMEI),
        (" 京A12345 ", "京A12345"),
        ("x" * 99, "x" * MAX_IDENT_CHARS),
        ("A\x00B", IMEI),
        ("\ud800", IMEI),  # no JSON could carry it
    ],
)
def test_a_vehicle_is_named_after_its_number_plate(plate, name):
    made = Registry().identify(IMEI, "jt808", T0, plate)
    assert made is not None
    assert (made.name, made.device) == (name, IMEI)


def test_pending_keeps_it_until_somebody_admits_it():
    registry = Registry("pending")
    changes = told(registry)
    assert registry.identify(IMEI, "gt06", T0) is None
    waiting = registry.find(IMEI)
    assert waiting is not None
    assert (waiting.status, registry.pending_count()) == (DeviceStatus.PENDING, 1)
    assert registry.identify(IMEI, "h02", T0 + 1) is None  # nor does its protocol change anything
    assert registry.stats == {"new": 1, "refused": 2}
    admitted = registry.change(waiting.id, status=DeviceStatus.ACTIVE)
    assert registry.identify(IMEI, "gt06", T0 + 2) is admitted
    assert registry.pending_count() == 0
    assert changes == [waiting, admitted]
    registry.change(waiting.id, status=DeviceStatus.PENDING)
    assert registry.identify(IMEI, "gt06", T0 + 3) is None
    assert registry.pending_count() == 1


def test_reject_turns_it_away():
    registry = Registry("reject")
    changes = told(registry)
    assert registry.identify(IMEI, "gt06", T0) is None
    assert (registry.vehicles, changes, registry.stats) == ({}, [], {"refused": 1})
    registry.load([vehicle("a", device=IMEI, protocol="gt06")])
    assert registry.identify(IMEI, "gt06", T0) is registry.vehicles["a"]


@pytest.mark.parametrize(
    "ident", ["", "   ", "x" * (MAX_IDENT_CHARS + 1), "a\x00b", "a\nb", "\ud800", "\x7f"]
)
@pytest.mark.parametrize("policy", ["auto", "pending"])
def test_what_is_no_identity_is_refused(policy, ident):
    registry = Registry(policy)
    assert registry.identify(ident, "gt06", T0) is None
    assert registry.vehicles == {}


def test_the_longest_identity():
    assert Registry().identify("x" * MAX_IDENT_CHARS, "gt06", T0) is not None


def test_so_many_new_devices_a_minute():
    registry = Registry("auto", max_new_per_minute=3)
    met = [registry.identify(f"d{n}", "gt06", T0 + n) for n in range(5)]
    assert [one is not None for one in met] == [True, True, True, False, False]
    assert registry.stats == {"new": 3, "new_over_limit": 2, "refused": 2}
    assert registry.identify("d0", "gt06", T0 + 5) is not None  # known ones are not new
    assert registry.identify("d9", "gt06", T0 + 60.0) is None
    assert registry.identify("d9", "gt06", T0 + 60.5) is not None


def test_so_many_wait_and_no_more():
    registry = Registry("pending", max_new_per_minute=10 * MAX_PENDING)
    for n in range(MAX_PENDING + 5):
        registry.identify(f"d{n}", "gt06", T0)
    assert len(registry.vehicles) == registry.pending_count() == MAX_PENDING


# Known devices ------------------------------------------------------------------------------------


def test_a_device_that_speaks_another_protocol_now():
    registry = Registry()
    registry.load([vehicle("a", device=IMEI, protocol="gt06")])
    changes = told(registry)
    known = registry.identify(IMEI, "h02", T0)
    assert known == vehicle("a", device=IMEI, protocol="h02")
    assert changes == [known]


def test_a_change_is_told_if_it_is_one():
    registry = Registry()
    registry.load([vehicle("a")])
    changes = told(registry)
    assert registry.change("a", name="Truck a") == vehicle("a")
    assert changes == []
    renamed = registry.change("a", name="new", group="north")
    assert changes == [renamed] == [vehicle("a", name="new", group="north")]
    with pytest.raises(NotFoundError, match="no vehicle b") as caught:
        registry.change("b", name="x")
    assert caught.value.value == "b"


def test_what_others_say_is_adopted_and_not_told_again():
    registry = Registry()
    changes = told(registry)
    assert registry.adopt(vehicle("a"))
    assert not registry.adopt(vehicle("a"))
    assert registry.adopt(vehicle("a", name="new"))
    assert registry.find("device-a") == vehicle("a", name="new")
    assert changes == []


def test_a_vehicle_with_another_device_is_found_by_that_one_only():
    registry = Registry()
    registry.load([vehicle("a", device="1"), vehicle("b", device="2")])
    registry.adopt(vehicle("a", device="3"))
    assert registry.find("1") is None
    assert registry.find("03") == vehicle("a", device="3")
    registry.adopt(vehicle("b", device="3"))  # it was moved to another vehicle
    registry.adopt(vehicle("a", device="4"))
    assert registry.find("3") == vehicle("b", device="3")
    assert registry.find("4") == vehicle("a", device="4")
