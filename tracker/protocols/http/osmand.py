"""OsmAnd, Traccar Client and the like: one position in query or form, or some in JSON.

    GET /?id=…&lat=…&lon=…&timestamp=…&speed=…&bearing=…&altitude=…&accuracy=…&batt=…
    POST {"device_id": "…", "location": {"timestamp": "…", "coords": {…}, "battery": {…}, …}}

Source: docs/protocols/osmand.md. Speeds in JSON are m/s; in a query they are knots unless the
query (`speed_unit`) or the listener (`osmand_speed_unit`) says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from tracker.errors import DecodeError
from tracker.protocols.base import Session
from tracker.protocols.documents import said
from tracker.protocols.documents.said import Said
from tracker.protocols.fields import cell
from tracker.protocols.http.wire import Request
from tracker.protocols.reports import Report
from tracker.protocols.stream import handles
from tracker.protocols.textfields import KNOT_KMH, bad

MS_KMH = 3.6
SPEED_UNITS = {"kn": KNOT_KMH, "ms": MS_KMH, "kmh": 1.0}
PAIRS_MOST = 200  # of a query and a form together
FORM = "application/x-www-form-urlencoded"
SECRETS = frozenset({"notificationToken", "token", "password"})  # known by name, and not kept

Field = Callable[[Report, str], None]
FIELDS: dict[str, Field] = {}


def pairs(request: Request) -> list[tuple[str, str]]:
    """Names and values of the query and of a form in the body. Raises DecodeError."""
    texts = [request.query]
    if request.body and request.media_type in (FORM, "", "text/plain"):
        texts.append(request.body.decode("utf-8", "replace").strip())
    try:
        found = [
            pair
            for text in texts
            for pair in parse_qsl(text, keep_blank_values=True, max_num_fields=PAIRS_MOST)
        ]
    except ValueError as error:
        raise DecodeError("field", f"osmand: {error}") from None
    return found


def read_query(request: Request, session: Session) -> list[Said | DecodeError]:
    """The position in a query or form. Raises DecodeError."""
    found = pairs(request)
    values = dict(found)
    ident = said.identity(values.get("id") or values.get("deviceid") or "")
    report = Report(valid=True)
    for name, text in found:
        if name in FIELDS:
            FIELDS[name](report, text)
        elif name not in SECRETS and name not in USED:
            said.keep(report, name, loose(text))
    _place(report, values)
    report.speed_kmh = _speed(values, session)
    if "driverUniqueId" in values:
        report.attributes["driver_id"] = values["driverUniqueId"]
    stated = said.unix(_zoned(values.get("timestamp", "")))
    if stated is not None:
        report.time = stated[0]
    elif report.lat is not None:
        report.time = session.now
    one = Said(ident, report, local=stated is not None and stated[1])
    return said.each((one,), lambda _: one, session.now)


USED = frozenset(
    {"id", "deviceid", "lat", "lon", "location", "timestamp", "speed", "speed_unit",
     "driverUniqueId"}
)  # fmt: skip


def _zoned(text: str) -> str:
    """A date with the + of its zone, which a query that is not encoded turns into a blank."""
    return text.replace(" ", "+") if "T" in text else text


def _place(report: Report, values: Mapping[str, str]) -> None:
    lat, lon = values.get("lat"), values.get("lon")
    if values.get("location"):
        lat, comma, lon = values["location"].partition(",")
        if not comma:
            raise bad("a location", values["location"])
    report.lat, report.lon = said.real(lat), said.real(lon)
    if (report.lat is None) != (report.lon is None):
        raise DecodeError("field", "osmand: lat and lon come together")


def _speed(values: Mapping[str, str], session: Session) -> float | None:
    unit = values.get("speed_unit") or str(session.options.get("osmand_speed_unit", "kn"))
    if unit not in SPEED_UNITS:
        raise bad("a unit of speed", unit)
    speed = said.positive(values.get("speed"))
    return None if speed is None else round(speed * SPEED_UNITS[unit], 6)


def loose(text: str) -> bool | int | float | str:
    """A value of no name of ours: a truth or a number where it is one."""
    if text in ("true", "false"):
        return text == "true"
    try:
        found = said.amount(text)
    except DecodeError:
        return text
    return text if found is None else found


@handles(FIELDS, "bearing", "heading")
def _course(report: Report, text: str) -> None:
    report.course_deg = said.angle(text)


@handles(FIELDS, "altitude")
def _altitude(report: Report, text: str) -> None:
    report.altitude_m = said.real(text)


@handles(FIELDS, "valid")
def _valid(report: Report, text: str) -> None:
    report.valid = said.flag(text) is True


@handles(FIELDS, "ignition")
def _ignition(report: Report, text: str) -> None:
    report.ignition = said.flag(text)


@handles(FIELDS, "sat", "satellites")
def _satellites(report: Report, text: str) -> None:
    count = said.beside(text)
    report.satellites = None if count is None or count < 0 else int(count)


@handles(FIELDS, "alarm")
def _alarm(report: Report, text: str) -> None:
    said.alarm(report, text)


@handles(FIELDS, "charge")
def _charge(report: Report, text: str) -> None:
    _keep(report, "charging", said.flag(text))


@handles(FIELDS, "cell")
def _cell(report: Report, text: str) -> None:
    """mcc,mnc,lac,cid[,rssi]; may come several times. What is none is left out."""
    codes = [int(value) for part in text.split(",") if (value := said.beside(part)) is not None]
    if not 4 <= len(codes) <= 5 or len(codes) != text.count(",") + 1:
        return
    report.attributes.setdefault("cells", []).append(cell(*codes))


@handles(FIELDS, "wifi")
def _wifi(report: Report, text: str) -> None:
    """mac,rssi; may come several times. What is none is left out."""
    mac, _, rssi = text.partition(",")
    strength = said.beside(rssi)
    if strength is None:
        return
    entry = {"mac": mac.replace("-", ":").lower(), "rssi_dbm": strength}
    report.attributes.setdefault("wifi", []).append(entry)


def _number(name: str) -> Field:
    def keep(report: Report, text: str) -> None:
        _keep(report, name, said.beside(text))

    return keep


handles(FIELDS, "batt")(_number("battery_percent"))
handles(FIELDS, "accuracy")(_number("accuracy_m"))
handles(FIELDS, "hdop")(_number("hdop"))


def _keep(report: Report, name: str, value: Any) -> None:
    if value is not None:
        report.attributes[name] = value


# -- JSON ------------------------------------------------------------------------------------------


def read_json(record: Mapping[str, Any], session: Session) -> list[Said | DecodeError]:
    """The location, or the list of them, of one device. Raises DecodeError."""
    ident = said.identity(record.get("device_id"))
    locations = record.get("location")
    if not isinstance(locations, list):
        locations = [locations]
    if not locations:
        raise DecodeError("field", "osmand: no location")
    return said.each(locations, lambda each: Said(ident, location(each, session)), session.now)


def location(record: Any, session: Session) -> Report:
    """One location; without coords it is a heartbeat. Raises DecodeError."""
    if not isinstance(record, dict):
        raise DecodeError("field", "osmand: a location is an object")
    report = Report(valid=True)
    coords = said.member(record, "coords", dict)
    stated = said.unix(record.get("timestamp"))
    if stated is not None:
        report.time = stated[0]
    elif coords:
        report.time = session.now
    if coords:
        _coords(report, coords)
    battery = said.beside_member(record, "battery")
    level = said.beside(battery.get("level"))
    if level is not None and level >= 0:
        _keep(report, "battery_percent", said.amount(round(float(level) * 100, 1)))
    _keep(report, "charging", said.flag(battery.get("is_charging")))
    _keep(report, "moving", said.flag(record.get("is_moving")))
    _keep(report, "odometer_m", said.beside(record.get("odometer")))
    activity = said.beside_member(record, "activity")
    for name, value in (
        ("event", record.get("event")), ("mock", record.get("mock")),
        ("activity", activity.get("type")),
    ):  # fmt: skip
        said.keep(report, name, value)
    extras = said.beside_member(record, "extras")
    for value in (record.get("alarm"), extras.get("alarm")):
        if isinstance(value, str):
            said.alarm(report, value)
    for name, value in extras.items():
        if name not in SECRETS and name != "alarm":
            said.keep(report, name, value)
    return report


def _coords(report: Report, coords: Mapping[str, Any]) -> None:
    report.lat, report.lon = said.real(coords.get("latitude")), said.real(coords.get("longitude"))
    if report.lat is None or report.lon is None:
        raise DecodeError("field", "osmand: coords without latitude and longitude")
    speed = said.positive(coords.get("speed"))
    report.speed_kmh = None if speed is None else round(speed * MS_KMH, 6)
    report.course_deg = said.angle(coords.get("heading"))
    report.altitude_m = said.real(coords.get("altitude"))
    accuracy = said.beside(coords.get("accuracy"))
    _keep(report, "accuracy_m", None if accuracy is None or accuracy < 0 else accuracy)
