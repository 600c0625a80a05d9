"""GTCAN and GTOBD: a mask, then one field for each of its bits that is set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker.protocols.queclink.kinds import Reader
from tracker.protocols.queclink.report import Report, number
from tracker.protocols.stream import handles

READERS: dict[str, Reader] = {}

Convert = Callable[[Report, str], None]

CAN_MASK = re.compile(r"[0-9A-F]{8}")
OBD_MASK = re.compile(r"[0-9A-F]{6,8}")
HECTOMETRE = 100
MASK_PLACES = 4  # fields among which the mask is looked for


def value(name: str, factor: float = 1) -> Convert:
    """A number, kept as the attribute `name` times `factor`."""

    def convert(report: Report, field: str) -> None:
        found = number(field)
        if found is not None:
            scaled = round(found * factor, 3)
            report.attributes[name] = int(scaled) if scaled.is_integer() else scaled

    return convert


def words(name: str) -> Convert:
    """A field that is kept as it is."""

    def convert(report: Report, field: str) -> None:
        if field:
            report.attributes[name] = field

    return convert


def ignition(report: Report, field: str) -> None:
    """0 off, 1 on, 2 the engine runs."""
    if field in ("0", "1", "2"):
        report.ignition = field != "0"


def distance(report: Report, field: str) -> None:
    """H and hectometres; with I in front it counts impulses, which say nothing by themselves."""
    if field.startswith("H"):
        value("obd_odometer_m", HECTOMETRE)(report, field[1:])


def fuel(report: Report, field: str) -> None:
    """P and percent, or L and litres."""
    name = {"P": "fuel_percent", "L": "fuel_l"}.get(field[:1])
    if name is not None:
        value(name)(report, field[1:])


def consumption(report: Report, field: str) -> None:
    """Litres per hour behind L/H; other forms are kept as they are."""
    if field.startswith("L/H"):
        value("fuel_l_h")(report, field[3:])
    elif field:
        report.attributes["fuel_consumption"] = field


CAN: Mapping[int, Convert] = {
    0: words("vin"),
    1: ignition,
    2: distance,
    3: value("fuel_used_l"),
    4: value("engine_rpm"),
    5: value("obd_speed_kmh"),
    6: value("coolant_c"),
    7: consumption,
    8: fuel,
    9: value("range_m", HECTOMETRE),
    10: value("pedal_percent"),
    11: value("engine_hours"),
    12: value("driving_hours"),
    13: value("idling_hours"),
    14: value("fuel_idling_l"),
    15: value("axle_load_kg"),
    16: words("tachograph"),
    17: words("indicators"),
    18: words("lights"),
    19: words("doors"),
    20: value("overspeed_hours"),
    21: value("engine_overspeed_hours"),
}
OBD: Mapping[int, Convert] = {
    0: words("vin"),
    1: words("obd_connected"),
    2: value("external_v", 0.001),
    3: words("obd_pids"),
    4: value("engine_rpm"),
    5: value("obd_speed_kmh"),
    6: value("coolant_c"),
    7: value("fuel_consumption"),
    8: value("dtc_cleared_km"),
    9: value("mil_km"),
    10: words("mil"),
    11: value("dtc_count"),
    12: words("dtcs"),
    13: value("throttle_percent"),
    14: value("engine_load_percent"),
    15: value("fuel_percent"),
}


def read_masked(report: Report, mask: re.Pattern[str], meanings: Mapping[int, Convert]) -> None:
    """The fields behind the mask, which stands among the first ones."""
    fields: Sequence[str] = report.body
    for at in range(min(MASK_PLACES, len(fields))):
        if mask.fullmatch(fields[at]):
            bits = int(fields[at], 16)
            break
    else:
        return
    at += 1
    for bit in range(len(meanings)):
        if bits >> bit & 1 and at < len(fields):
            meanings[bit](report, fields[at])
            at += 1


@handles(READERS, "CAN")
def can(report: Report) -> None:
    """CAN: type, state of the bus, mask of eight digits; see the table CAN."""
    read_masked(report, CAN_MASK, CAN)


@handles(READERS, "OBD")
def obd(report: Report) -> None:
    """OBD: type, mask of six digits; see the table OBD."""
    read_masked(report, OBD_MASK, OBD)
