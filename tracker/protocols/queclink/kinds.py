"""What the kinds of Queclink text reports say beyond their position: one function each.

A function reads head and tail of the report; kinds without one are kept with their head as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker.protocols.queclink.report import Report, number, read_station, whole
from tracker.protocols.queclink.vehicle import (
    PERCENT,
    read_battery,
    read_mileage,
    read_position_report,
    read_state,
)
from tracker.protocols.stream import handles

Reader = Callable[[Report], None]
READERS: dict[str, Reader] = {}

DETAIL_MOST = 256  # characters of a head that is kept as it is
DRIVER = re.compile(r"[0-9A-Fa-f]{8,20}")
GEOFENCE_LEFT = "0"
SECONDS_MOST = 10**9
CELL_FIELDS = 6
SIGNAL_MOST = 63

for _kind in ("FRI", "ERI"):
    READERS[_kind] = read_position_report

# Reports whose kind alone is an alarm.
ALARMS: Mapping[str, str] = {
    "SOS": "sos",
    "TOW": "tow",
    "SPD": "overspeed",
    "MPF": "power_cut",
    "EPF": "power_cut",
    "BPL": "low_battery",
    "PNA": "power_on",
    "PFA": "power_off",
    "JDR": "jamming",
    "TMP": "temperature",
    "TEM": "temperature",
    "CRA": "collision",
    "FLA": "fuel_abnormal",
}


def id_and_type(head: Sequence[str]) -> tuple[str, str]:
    """Id and type of a report, and behind them the number of positions: two fields, or one of two
    digits.
    """
    if len(head) < 2:
        return "", ""
    kind = head[-2]
    if len(kind) == 2:
        return kind[0], kind[1]
    return (head[-3] if len(head) >= 3 else ""), kind


def common(report: Report) -> None:
    """What may stand behind the position of any report."""
    if report.is_personal:
        read_battery(report)
    else:
        read_mileage(report)


def plain(report: Report) -> None:
    """A report whose kind says everything; its head is kept."""
    common(report)
    detail = ",".join(report.head).strip(",")
    if detail:
        report.attributes["detail"] = detail[:DETAIL_MOST]
    report.alarm(ALARMS.get(report.kind))


@handles(READERS, "IGN", "VGN", "IGF", "VGF")
def ignition(report: Report) -> None:
    """IGN, VGN: ignition on; IGF, VGF: off. How long it was in the other state, s; position; hours;
    mileage.
    """
    report.ignition = report.kind.endswith("N")
    if report.head:
        report.keep("duration_s", whole(report.head[-1], SECONDS_MOST))
    common(report)


@handles(READERS, "IGL")
def ignition_place(report: Report) -> None:
    """IGL: type 0 where the ignition was switched on, 1 off."""
    kind = id_and_type(report.head)[1]
    if kind in ("0", "1"):
        report.ignition = kind == "0"
    common(report)


@handles(READERS, "STT")
def state_changed(report: Report) -> None:
    """STT: the new state of motion."""
    if report.head:
        read_state(report, report.head[-1])
    common(report)


@handles(READERS, "SOS")
def emergency(report: Report) -> None:
    """SOS: number of the input or button, type."""
    report.alarm("sos")
    report.keep("input_number", whole(id_and_type(report.head)[0], PERCENT))
    common(report)


@handles(READERS, "GEO")
def geofence(report: Report) -> None:
    """GEO: number of the geofence, type 0 left, 1 entered."""
    fence, kind = id_and_type(report.head)
    report.attributes["geofence_number"] = fence
    report.alarm("geofence_exit" if kind == GEOFENCE_LEFT else "geofence_enter")
    common(report)


@handles(READERS, "GIN", "GOT")
def geofence_crossed(report: Report) -> None:
    """GIN: a geofence was entered; GOT: left."""
    report.alarm("geofence_enter" if report.kind == "GIN" else "geofence_exit")
    plain(report)


HARSH = ("braking", "acceleration", "cornering")


@handles(READERS, "HBM")
def harsh(report: Report) -> None:
    """HBM: id is the level of speed; type 0, 3 braking, 1, 4 acceleration, 2, 5 turn."""
    kind = id_and_type(report.head)[1]
    report.alarm(HARSH[int(kind) % 3] if kind.isdecimal() else "other")
    common(report)


@handles(READERS, "DIS")
def digital_input(report: Report) -> None:
    """DIS: number of the input, its level."""
    port, level = id_and_type(report.head)
    report.keep("input_number", whole(port, PERCENT))
    report.keep("input_level", whole(level, 1))
    common(report)


@handles(READERS, "LSW", "TSW")
def switch(report: Report) -> None:
    """LSW, TSW: type, level of input 1 (LSW) or 2 (TSW)."""
    place = 0 if report.kind == "LSW" else 1
    if len(report.head) >= 2:
        report.attributes["inputs"] = int(report.head[-1] == "1") << place
    common(report)


@handles(READERS, "NMR")
def motion(report: Report) -> None:
    """NMR: type 0 has come to rest, 1 moves."""
    kind = id_and_type(report.head)[1]
    if kind in ("0", "1"):
        report.attributes["moving"] = kind == "1"
    common(report)


@handles(READERS, "MPN", "MPF", "EPN", "EPF")
def power(report: Report) -> None:
    """MPN, EPN: external power is there; MPF, EPF: lost."""
    report.attributes["external_power"] = report.kind.endswith("N")
    report.alarm(ALARMS.get(report.kind))
    common(report)


@handles(READERS, "BTC", "STC")
def charging(report: Report) -> None:
    """BTC: charging begins; STC: it ends, with the battery in V."""
    report.attributes["charging"] = report.kind == "BTC"
    read_voltage(report)
    common(report)


@handles(READERS, "BPL")
def battery_low(report: Report) -> None:
    """BPL: battery in V."""
    report.alarm("low_battery")
    read_voltage(report)
    common(report)


def read_voltage(report: Report) -> None:
    """Battery in V, which is the last field in front of the position."""
    volts = number(report.head[-1]) if report.head else None
    if volts is not None and 0 < volts < 10:
        report.attributes["battery_v"] = volts


@handles(READERS, "JDS")
def jamming(report: Report) -> None:
    """JDS: 1 jamming is over, 2 it has begun."""
    report.alarm("jamming" if report.head and report.head[-1] == "2" else None)
    common(report)


@handles(READERS, "TMP", "TEM")
def temperature(report: Report) -> None:
    """TMP, TEM: kind of alarm, temperature °C; TMP of vehicles has the sensor in front."""
    report.alarm("temperature")
    if report.kind == "TEM" and len(report.head) >= 2:
        report.keep("temperature_c", number(report.head[1]))
    else:
        report.attributes["detail"] = ",".join(report.head).strip(",")[:DETAIL_MOST]
    common(report)


@handles(READERS, "IDN", "IDF")
def idling(report: Report) -> None:
    """IDN: idling has begun; IDF: it has ended."""
    report.attributes["idling"] = report.kind == "IDN"
    report.ignition = True if report.kind == "IDN" else None
    common(report)


@handles(READERS, "IDA")
def driver(report: Report) -> None:
    """IDA: identity of a key or card, hex; whether it is allowed."""
    for field in report.head:
        if DRIVER.fullmatch(field):
            report.attributes["driver_id"] = field.upper()
            break
    common(report)


@handles(READERS, "ANT")
def antenna(report: Report) -> None:
    """ANT: satellite antenna 0 right, 1 open, 2 shorted."""
    report.alarm("gnss_antenna" if report.head and report.head[-1] in ("1", "2") else None)
    common(report)


@handles(READERS, "GSS")
def satellite_signal(report: Report) -> None:
    """GSS: 0 no signal of satellites any more, 1 it is back; number of satellites."""
    if report.head:
        report.alarm("gnss_lost" if report.head[0] == "0" else "gnss_recovered")
    common(report)


@handles(READERS, "DAT", "DTT")
def data(report: Report) -> None:
    """DAT, DTT: what something behind the device said, in front of the position."""
    common(report)
    longest = max(report.head, key=len, default="")
    if longest:
        report.attributes["data"] = longest[:DETAIL_MOST]


@handles(READERS, "CTN")
def cart(report: Report) -> None:
    """CTN: report of GL530, with the battery in % in front of the position."""
    if report.head:
        report.keep("battery_percent", whole(report.head[-1], PERCENT))


@handles(READERS, "GSM")
def stations(report: Report) -> None:
    """GSM: in place of the name what it belongs to, on some models behind it; then up to seven base
    stations: MCC, MNC, LAC hex, cell id hex, signal, empty.
    """
    found = []
    start = 0 if report.body and report.body[0].isdecimal() else 1
    for at in range(start, len(report.body) - CELL_FIELDS + 1, CELL_FIELDS):
        station = read_station(report.body[at : at + 4])
        if station is None:
            continue
        level = whole(report.body[at + 4], SIGNAL_MOST)
        if level is not None:
            station["rssi_dbm"] = level - 110  # 3GPP TS 45.008: RXLEV counts from there
        found.append(station)
    if found:
        report.attributes["cells"] = found
