"""GTINF and the other reports of a Queclink device's own condition."""

from __future__ import annotations

import re

from tracker.protocols.queclink.kinds import DETAIL_MOST, Reader
from tracker.protocols.queclink.report import MILEAGE, Report, number, whole
from tracker.protocols.queclink.vehicle import PERCENT, POWER_MOST_MV, STATES, read_state
from tracker.protocols.stream import handles

READERS: dict[str, Reader] = {}

ICCID = re.compile(r"[0-9]{18,20}[0-9A-Fa-f]?|[0-9A-Fa-f]{20}")
TIME_SIZE = 14
CSQ_MOST = 31
LEAST_POWER_MV = 100  # a value below is not a voltage in mV


@handles(READERS, "INF")
def information(report: Report) -> None:
    """INF: state, ICCID, CSQ, BER, external power 0 or 1, its voltage mV (or mileage km), reserved,
    battery V, charging 0 or 1, more by model, among it the time of the last fix; personal models
    state the battery in % behind that.
    """
    body = report.body
    if report.is_old or len(body) < 8:
        plain_information(report)
        return
    # Some models have a field more in front.
    at = 1 if body[0] not in STATES and body[1] in STATES and len(body) > 8 else 0
    if body[at] in STATES:
        read_state(report, body[at])
    if ICCID.fullmatch(body[at + 1]):
        report.attributes["iccid"] = body[at + 1]
    report.keep("signal_csq", whole(body[at + 2], CSQ_MOST))
    if body[at + 4] in ("0", "1"):
        report.attributes["external_power"] = body[at + 4] == "1"
    if MILEAGE.fullmatch(body[at + 5]):
        report.attributes["odometer_m"] = round(float(body[at + 5]) * 1000)
    else:
        power_mv = whole(body[at + 5], POWER_MOST_MV)
        if power_mv is not None and power_mv >= LEAST_POWER_MV:
            report.attributes["external_v"] = power_mv / 1000
    read_own_battery(report, at + 7)


def read_own_battery(report: Report, at: int) -> None:
    """Battery V, or nothing and one field later on some models; charging; percent."""
    body = report.body
    for place in (at, at - 1):
        if place < len(body) and "." in body[place]:
            volts = number(body[place])
            if volts is not None and 0 < volts < 10:
                report.attributes["battery_v"] = volts
                if place + 1 < len(body) and body[place + 1] in ("0", "1"):
                    report.attributes["charging"] = body[place + 1] == "1"
                break
    if not report.is_personal:
        return
    for place in range(at, len(body) - 1):
        if len(body[place]) == TIME_SIZE and body[place].isdecimal():
            report.keep("battery_percent", whole(body[place + 1], PERCENT))
            return


@handles(READERS, "VER", "CID", "CSQ", "TMZ", "GPS", "GSV", "BAT", "IOS", "PDP", "UPD", "UPC")
def plain_information(report: Report) -> None:
    """Answers to questions about the device, kept as they are."""
    detail = ",".join(report.body).strip(",")
    if detail:
        report.attributes["detail"] = detail[:DETAIL_MOST]
