"""What stands around the positions of a Queclink report: power, mileage, battery, inputs, state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tracker.protocols.queclink.report import MILEAGE, Report, number, whole

PERCENT = 100
POWER_MOST_MV = 100_000
ANALOG_MOST_MV = 100_000


class State(NamedTuple):
    """What a state of motion says; None where it does not."""

    ignition: bool | None
    moving: bool
    alarm: str | None = None


STATES: Mapping[str, State] = {
    "11": State(ignition=False, moving=False),
    "12": State(ignition=False, moving=True),
    "16": State(ignition=False, moving=True, alarm="tow"),
    "1A": State(ignition=False, moving=True),  # perhaps towed: not sure yet
    "21": State(ignition=True, moving=False),
    "22": State(ignition=True, moving=True),
    "41": State(ignition=None, moving=False),
    "42": State(ignition=None, moving=True),
}

STATUS = re.compile(r"(?P<state>1[126A]|2[12]|4[12])(?:(?P<ports>[0-9A-F]{4})|[0-9A-F]{8})?")
HOURS = re.compile(r"([0-9]{1,7}):([0-5][0-9]):([0-5][0-9])")
PORT = re.compile(r"[0-9A-F]{2}")
WIRE_SENSOR = re.compile(r"[0-9A-F]{16}")
WIRE_UNIT_C = 0.0625  # of a temperature on the 1-wire bus, i16
MASK = re.compile(r"[0-9A-F]{8}")

# Models that are plugged into the OBD connector.
WITH_ENGINE = frozenset({"1F", "36", "5E"})

# Models that state inputs and outputs by themselves and no battery.
WITHOUT_BATTERY = frozenset({"04", "35"})

BEFORE_STATUS = 3  # fields of a tail that stand in front of battery and state at least
LAST_STATUS = 9


def read_state(report: Report, code: str) -> None:
    """A state of motion, two digits."""
    state = STATES.get(code)
    if state is None:
        return
    if state.ignition is not None:
        report.ignition = state.ignition
    report.attributes["moving"] = state.moving
    report.alarm(state.alarm)


def read_position_report(report: Report) -> None:
    """GTFRI and GTERI: in front power in mV, id and type of the report, number of positions;
    behind them see `read_vehicle_tail` and `read_battery`.
    """
    head = report.head
    if report.kind == "ERI" and head and MASK.fullmatch(head[0]):
        report.attributes["eri_mask"] = head[0]
        head = head[1:]
    if len(head) >= 3 and not report.is_personal:
        power_mv = whole(head[-3], POWER_MOST_MV)
        if power_mv is not None:
            report.attributes["external_v"] = power_mv / 1000
    if report.is_personal:
        read_battery(report)
    else:
        read_vehicle_tail(report)


def read_vehicle_tail(report: Report) -> None:
    """Mileage km, hours HHHHH:MM:SS, analog inputs mV, battery %, state (two digits; then perhaps
    inputs and outputs, two each), more by model.
    """
    tail = report.tail
    read_mileage(report)
    if report.device_type in WITHOUT_BATTERY:
        _read_analogs(report, tail[2:5])
        if len(tail) > 6 and PORT.fullmatch(tail[5]) and PORT.fullmatch(tail[6]):
            report.attributes["inputs"] = int(tail[5], 16)
            report.attributes["outputs"] = int(tail[6], 16)
        _read_wire(report, tail[7:])
        return
    for at in range(BEFORE_STATUS, min(len(tail), LAST_STATUS)):
        found = STATUS.fullmatch(tail[at])
        if found is None:
            continue
        read_state(report, found["state"])
        if found["ports"]:
            inputs, outputs = bytes.fromhex(found["ports"])
            report.attributes["inputs"], report.attributes["outputs"] = inputs, outputs
        report.keep("battery_percent", whole(tail[at - 1], PERCENT))
        _read_analogs(report, tail[2 : at - 1])
        if report.device_type in WITH_ENGINE and report.kind == "FRI":
            read_engine(report, tail[at + 1 : at + 4])
        else:
            _read_wire(report, tail[at + 1 :])
        return


def read_engine(report: Report, fields: Sequence[str]) -> None:
    """Engine speed rpm, consumption l/100 km, fuel %, as OBD models have them."""
    names = ("engine_rpm", "fuel_l_100km", "fuel_percent")
    for name, field in zip(names, fields, strict=False):
        report.keep(name, number(field))


def _read_analogs(report: Report, fields: Sequence[str]) -> None:
    for index, field in enumerate(fields, start=1):
        value_mv = whole(field, ANALOG_MOST_MV)
        if value_mv is not None:
            report.attributes[f"adc{index}_v"] = value_mv / 1000


def _read_wire(report: Report, fields: Sequence[str]) -> None:
    """Sensors on the 1-wire bus: id of 16 digits, kind, value; kind 1 is a temperature. What is
    not one of them is kept as it is.
    """
    found: list[float] = []
    for at in range(len(fields) - 2):
        if fields[at + 1] == "1" and WIRE_SENSOR.fullmatch(fields[at]) and len(fields[at + 2]) == 4:
            raw = bytes.fromhex(fields[at + 2])
            found.append(int.from_bytes(raw, "big", signed=True) * WIRE_UNIT_C)
    if found:
        report.attributes["temperature_c"] = found[0]
        report.attributes["temperatures_c"] = found
    extra = ",".join(fields).strip(",")
    if extra:
        report.attributes["extra"] = extra


def read_mileage(report: Report) -> None:
    """Mileage and hours, which stand in front of the tail in either order."""
    for field in report.tail[:2]:
        hours = HOURS.fullmatch(field)
        if hours is not None:
            whole_hours, minutes, seconds = (int(part) for part in hours.groups())
            exact = whole_hours + minutes / 60 + seconds / 3600
            report.attributes["engine_hours"] = round(exact, 4)
        elif MILEAGE.fullmatch(field):
            report.attributes["odometer_m"] = round(float(field) * 1000)


def read_battery(report: Report) -> None:
    """Battery %, which is the last whole number among the first three fields of the tail."""
    for field in reversed(report.tail[:3]):
        percent = whole(field, PERCENT)
        if percent is not None:
            report.attributes["battery_percent"] = percent
            return
