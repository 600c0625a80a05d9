"""Teltonika I/O elements: what an AVL id means, by the size of its value.

Ids are numbered anew on some platforms, where the size differs as well, so an element is taken
only at the size of the meaning that stands here. Numbers stand in tables; what is more than a
number has a function. Whatever is in neither is kept under `items`, by its id.
Source: docs/protocols/teltonika.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker.protocols.stream import handles
from tracker.protocols.teltonika.said import Said

# Attribute, factor, and 2 ** bits of a value with a sign (0: it has none).
Number = tuple[str, float, int]
Reader = Callable[[Said, int], None]
Table = Mapping[int, Number | Reader]

SIGNED_1, SIGNED_2, SIGNED_4 = 1 << 8, 1 << 16, 1 << 32

NUMBERS_1: Mapping[int, Number] = {
    21: ("signal_level", 1, 0),
    30: ("dtc_count", 1, 0),
    31: ("engine_load_percent", 1, 0),
    32: ("coolant_c", 1, SIGNED_1),
    37: ("obd_speed_kmh", 1, 0),
    48: ("fuel_percent", 1, 0),
    69: ("gnss_state", 1, 0),
    80: ("data_mode", 1, 0),
    81: ("obd_speed_kmh", 1, 0),
    82: ("pedal_percent", 1, 0),
    89: ("fuel_percent", 1, 0),
    113: ("battery_percent", 1, 0),
    115: ("coolant_c", 0.1, SIGNED_1),
    200: ("sleep_mode", 1, 0),
    237: ("network_type", 1, 0),
    248: ("immobilizer", 1, 0),
    250: ("trip", 1, 0),
}
NUMBERS_2: Mapping[int, Number] = {
    9: ("adc1_v", 0.001, 0),
    10: ("adc2_v", 0.001, 0),
    11: ("adc3_v", 0.001, 0),
    13: ("fuel_l_100km", 0.01, 0),
    17: ("axis_x_mg", 1, SIGNED_2),
    18: ("axis_y_mg", 1, SIGNED_2),
    19: ("axis_z_mg", 1, SIGNED_2),
    36: ("engine_rpm", 1, 0),
    66: ("external_v", 0.001, 0),
    67: ("battery_v", 0.001, 0),
    68: ("battery_a", 0.001, SIGNED_2),
    70: ("device_temperature_c", 0.1, SIGNED_2),
    84: ("fuel_l", 0.1, 0),
    85: ("engine_rpm", 1, 0),
    110: ("fuel_l_h", 0.1, 0),
    181: ("pdop", 0.1, 0),
    182: ("hdop", 0.1, 0),
    201: ("fuel_level", 1, SIGNED_2),
}
NUMBERS_4: Mapping[int, Number] = {
    12: ("fuel_used_l", 0.001, 0),
    16: ("odometer_m", 1, 0),
    17: ("axis_x_mg", 1, SIGNED_4),
    18: ("axis_y_mg", 1, SIGNED_4),
    19: ("axis_z_mg", 1, SIGNED_4),
    83: ("fuel_used_l", 0.1, 0),
    87: ("obd_odometer_m", 1, 0),
    102: ("engine_minutes", 1, 0),
    107: ("fuel_used_l", 0.1, 0),
    199: ("trip_m", 1, 0),
    389: ("obd_odometer_m", 1000, 0),
    800: ("external_v", 0.001, 0),
}

READERS_1: dict[int, Reader] = {}
READERS_2: dict[int, Reader] = {}
READERS_4: dict[int, Reader] = {}
READERS_8: dict[int, Reader] = {}


@handles(READERS_1, 239)
def ignition(said: Said, value: int) -> None:
    """239: ignition, 1 on."""
    said.ignition = value == 1


@handles(READERS_1, 240)
def movement(said: Said, value: int) -> None:
    """240: movement, 1 moving."""
    said.attributes["moving"] = value == 1


@handles(READERS_1, 251)
def idling(said: Said, value: int) -> None:
    """251: 1 the engine runs while the vehicle stands."""
    said.attributes["idling"] = value == 1


def port(name: str, place: int) -> Reader:
    """One line of `inputs` or `outputs`."""
    return lambda said, value: said.bit(name, place, is_set=value == 1)


for _place, _ident in enumerate((1, 2, 3, 4)):
    READERS_1[_ident] = port("inputs", _place)
for _place, _ident in enumerate((179, 180, 380)):
    READERS_1[_ident] = port("outputs", _place)


def alarm(*names: str | None) -> Reader:
    """An element whose values 1, 2 ... stand for these alarms; 0 and others stand for none."""

    def read(said: Said, value: int) -> None:
        if 1 <= value <= len(names):
            name = names[value - 1]
            if name is not None:
                said.alarms.append(name)

    return read


ALARMS: Mapping[int, Reader] = {
    236: alarm("sos"),
    242: alarm("fall"),
    246: alarm("tow"),
    247: alarm(*["collision"] * 6),
    249: alarm("jamming"),
    252: alarm("unplugged"),
    253: alarm("acceleration", "braking", "cornering"),
    318: alarm("gnss_jamming", "gnss_jamming"),
}
READERS_1.update(ALARMS)


@handles(READERS_1, 255)
def overspeed(said: Said, value: int) -> None:
    """255: speed in km/h at which a limit was passed; only in the record of that event."""
    said.attributes["overspeed_kmh"] = value
    if said.event == 255:
        said.alarms.append("overspeed")


@handles(READERS_1, 254)
def manoeuvre(said: Said, value: int) -> None:
    """254: how hard the manoeuvre of element 253 was: 0.01 g, or rad."""
    said.attributes["manoeuvre_value"] = value


# Geofences 1 to 50 and the automatic one, as ranges of ids.
GEOFENCES = (*range(155, 160), *range(61, 66), 175)


@handles(READERS_1, *GEOFENCES)
def geofence(said: Said, value: int) -> None:
    """155 to 159, 61 to 65, 175: 0 left, 1 entered, 2 too fast within; in that event's record."""
    if said.event not in GEOFENCES:
        return
    names = ("geofence_exit", "geofence_enter", "overspeed")
    if value < len(names):
        said.alarms.append(names[value])


@handles(READERS_2, 24)
def speed(said: Said, value: int) -> None:
    """24: the speed once more, which stands in the record itself."""


def network(name: str) -> Reader:
    """One part of the serving cell: 205 its id, 206 its area, 241 the operator, 636 a wide id."""

    def read(said: Said, value: int) -> None:
        said.network[name] = value

    return read


READERS_2.update({205: network("cid"), 206: network("lac")})
READERS_4.update({241: network("operator"), 636: network("cid")})

# What a sensor says in place of a temperature: failed, not found, in an abnormal state ...
WIRE_FAULTS = frozenset({850, 2000, 3000, 4000, 5000})
RADIO_FAULTS = frozenset({2000, 3000, 4000})
HUMIDITY_FULL = 1000


def wire_temperature(number: int) -> Reader:
    """72 to 75: temperature of a sensor on the wire, i32 0.1 °C; for some values it has failed."""

    def read(said: Said, value: int) -> None:
        signed = value - SIGNED_4 if value >= SIGNED_4 >> 1 else value
        if signed not in WIRE_FAULTS:
            said.temperatures[number] = signed / 10

    return read


def radio_temperature(number: int) -> Reader:
    """25 to 28: temperature of a Bluetooth sensor, i16 0.01 °C; for some values it has failed."""

    def read(said: Said, value: int) -> None:
        signed = value - SIGNED_2 if value >= SIGNED_2 >> 1 else value
        if signed not in RADIO_FAULTS:
            said.temperatures[number] = signed / 100

    return read


def radio_humidity(said: Said, value: int) -> None:
    """86, 104, 106, 108: humidity of a Bluetooth sensor, 0.1 %; beyond 100 % it has failed."""
    if value <= HUMIDITY_FULL:
        said.attributes.setdefault("humidity_percent", value / 10)


READERS_4.update({72 + number: wire_temperature(number + 1) for number in range(4)})
READERS_2.update({25 + number: radio_temperature(number + 1) for number in range(4)})
READERS_2.update(dict.fromkeys((86, 104, 106, 108), radio_humidity))


@handles(READERS_8, 78, 207)
def driver(said: Said, value: int) -> None:
    """78, 207: identity of an iButton or a card, 0 for none."""
    if value:
        said.attributes["driver_id"] = f"{value:016x}"


@handles(READERS_8, 238)
def user(said: Said, value: int) -> None:
    """238: identity of the driver's telephone or tag, 0 for none."""
    if value:
        said.attributes["user_id"] = f"{value:x}"


# By the size of the value.
TABLES: Mapping[int, Table] = {
    1: {**NUMBERS_1, **READERS_1},
    2: {**NUMBERS_2, **READERS_2},
    4: {**NUMBERS_4, **READERS_4},
    8: dict(READERS_8),
}
