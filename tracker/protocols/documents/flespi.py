"""flespi: JSON messages of any number of devices, parsed elsewhere, with dotted names.

    [{"ident": "…", "timestamp": Unix s, "position.latitude": °, "position.speed": km/h, …}, …]

Names that mean the same as one of ours are kept under ours; all others as they come. Source:
docs/protocols/flespi.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.documents import said
from tracker.protocols.documents.said import Said
from tracker.protocols.fields import cell
from tracker.protocols.reports import Report

VALID_LEAST = 3  # satellites of a fix
MESSAGES_MOST = 10_000  # of one list: what fits into the largest body or packet

# Their name -> ours, where the value stays as it is.
NUMBERS = {
    "position.hdop": "hdop", "position.accuracy": "accuracy_m", "battery.voltage": "battery_v",
    "battery.level": "battery_percent", "external.powersource.voltage": "external_v",
    "engine.rpm": "engine_rpm", "can.engine.rpm": "engine_rpm", "fuel.level": "fuel_percent",
    "can.fuel.level": "fuel_percent", "gsm.signal.level": "signal_percent", "din": "inputs",
    "dout": "outputs", "can.vehicle.speed": "obd_speed_kmh",
}  # fmt: skip
FLAGS = {"external.powersource.status": "charging", "movement.status": "moving"}
TEXTS = {
    "vehicle.vin": "vin", "can.vehicle.vin": "vin", "ibutton.code": "driver_id",
    "rfid.code": "driver_id",
}  # fmt: skip
KILOMETRES = {"vehicle.mileage": "odometer_m", "gps.vehicle.mileage": "odometer_m"}
ALARMS = {
    "towing.event.trigger": "tow", "overspeeding.event.trigger": "overspeed",
    "harsh.acceleration.event.trigger": "acceleration", "harsh.braking.event.trigger": "braking",
    "harsh.cornering.event.trigger": "cornering", "geofence.event.enter": "geofence_enter",
    "geofence.event.exit": "geofence_exit", "gsm.jamming.event.trigger": "jamming",
    "gnss.antenna.cut.status": "gnss_antenna", "shock.event.trigger": "vibration",
    "crash.event.trigger": "collision",
}  # fmt: skip
# Said by fields of a fix, or of the connection and not of the device.
TAKEN = frozenset(
    {"ident", "timestamp", "server.timestamp", "position.latitude", "position.longitude",
     "position.altitude", "position.speed", "position.direction", "position.satellites",
     "position.valid", "engine.ignition.status", "alarm.event.trigger", "peer", "device.id",
     "device.name", "device.type.id", "channel.id", "protocol.id", "gsm.mcc", "gsm.mnc", "gsm.lac",
     "gsm.cellid"}
)  # fmt: skip

Reader = Callable[[Any], Any]


def _km(value: Any) -> int | None:
    distance = said.positive(value)
    return None if distance is None else round(distance * 1000)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


# Their name -> our name and how its value is read; an earlier name wins over a later one.
NAMED: dict[str, tuple[str, Reader]] = {
    **{theirs: (ours, said.amount) for theirs, ours in NUMBERS.items()},
    **{theirs: (ours, said.flag) for theirs, ours in FLAGS.items()},
    **{theirs: (ours, _text) for theirs, ours in TEXTS.items()},
    **{theirs: (ours, _km) for theirs, ours in KILOMETRES.items()},
}


def read(records: list[Any], now: float) -> list[Said | DecodeError]:
    """The reports of a list, in order. Raises DecodeError if none of them is one."""
    if len(records) > MESSAGES_MOST:
        raise DecodeError("length", f"flespi: {len(records)} messages")
    return said.each(records, lambda record: _one(record, now), now)


def _one(record: Any, now: float) -> Said:
    if not isinstance(record, dict):
        raise DecodeError("field", "flespi: a message is an object")
    ident = said.identity(record.get("ident"))
    report = Report(valid=True)
    report.lat = said.real(record.get("position.latitude"))
    report.lon = said.real(record.get("position.longitude"))
    if (report.lat is None) != (report.lon is None):
        raise DecodeError("field", "flespi: latitude and longitude come together")
    stated = said.unix(record.get("timestamp")) or said.unix(record.get("server.timestamp"))
    report.time = now if stated is None else stated[0]
    report.speed_kmh = said.positive(record.get("position.speed"))
    report.course_deg = said.angle(record.get("position.direction"))
    report.altitude_m = said.real(record.get("position.altitude"))
    satellites = said.positive(record.get("position.satellites"))
    report.satellites = None if satellites is None else int(satellites)
    report.valid = _valid(report, said.flag(record.get("position.valid")))
    report.ignition = said.flag(record.get("engine.ignition.status"))
    _rest(report, record)
    return Said(ident, report)


def _valid(report: Report, stated: bool | None) -> bool:
    """What `position.valid` says; else what the satellites do. 0, 0 is a parser's "nowhere"."""
    if not (report.lat or report.lon):
        return False
    if stated is not None or report.satellites is None:
        return stated is not False
    return report.satellites >= VALID_LEAST


def _rest(report: Report, record: Mapping[str, Any]) -> None:
    """Alarms, values of our names, the cell, and everything else as it is."""
    if said.flag(record.get("alarm.event.trigger")):
        said.alarm(report, "alarm.event.trigger")
    for theirs, (ours, reader) in NAMED.items():
        if theirs not in record:
            continue
        try:
            value = reader(record[theirs])
        except DecodeError:
            continue  # no better, and it would cost the position
        if value is not None:
            report.attributes.setdefault(ours, value)
    codes = [record.get(f"gsm.{name}") for name in ("mcc", "mnc", "lac", "cellid")]
    if all(isinstance(code, int) for code in codes):
        report.attributes["cells"] = [cell(*(int(code) for code in codes if code is not None))]
    for theirs, value in record.items():
        if theirs in ALARMS:
            if said.flag(value):
                report.alarm(ALARMS[theirs])
        elif theirs not in TAKEN and theirs not in NAMED:
            said.keep(report, theirs, value)
