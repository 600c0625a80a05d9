"""Which blocks stand in which GT06 frame: by kind, or by kind and length where vendors differ.

A length stands here as the frame states it (information and 5). A kind and length that are not
here are read by the layout of the kind: the position or alarm is decoded and the rest is kept
as hex. Sources: docs/protocols/gt06.md; lengths marked "seen" are worked out from frames only.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker.protocols.gt06.blocks import (
    alarm_code,
    battery_voltage,
    driver_card,
    extension,
    external_voltage,
    fence,
    gps,
    identity,
    ignition,
    odometer,
    signal,
    station_2g,
    station_4g,
    station_sized,
    station_wide,
    status,
    terminal,
    upload,
    voltage_level,
)
from tracker.protocols.gt06.report import Block, number, skip

Layout = tuple[Block, ...]

POSITIONS: Mapping[int, Layout] = {
    0x10: (gps,),
    0x11: (gps,),
    0x12: (gps, station_2g),
    0x22: (gps, station_2g, ignition, upload),
    0x2D: (gps,),
    0x31: (gps,),
    0x32: (gps,),
    0x37: (gps,),
    0x38: (gps,),
    0x61: (identity, gps),
    0xA0: (gps, station_4g, ignition, upload),
}

# Kinds that are positions with some makers and something else with others: see holds_gps.
SOMETIMES: Mapping[int, Layout] = {
    0x17: (gps, station_2g),
    0x1E: (gps, station_2g),
    0x24: (gps, station_2g),
    0x33: (gps,),
    0x34: (gps,),
    0xA2: (gps, station_4g),
    0xA3: (gps, station_sized((5, 9)), status),
}

ALARMS: Mapping[int, Layout] = {
    0x16: (gps, station_sized((5, 9, 13)), status),
    0x26: (gps, station_sized((5, 6, 9)), status),
    0x27: (gps, station_sized((6, 10)), status, fence),
    0xA4: (gps, station_sized((6, 10)), status, fence),
    0x19: (station_2g, status),
    0xA5: (station_4g, status),
}

STATUSES: Mapping[int, Layout] = {
    0x13: (terminal, voltage_level, signal),
    0x23: (terminal, battery_voltage, signal),
    0x36: (terminal, voltage_level, signal, extension),
}

# Behind it as many inputs of u16 as the maker's model has. Seen.
COUNTED_INPUTS: Layout = (
    skip(4),
    gps,
    odometer,
    skip(2),
    station_wide,
    skip(4),
    external_voltage,
    battery_voltage,
)

BY_LENGTH: Mapping[tuple[int, int], Layout] = {
    (0x12, 0x21): (gps, station_2g, number("inputs", 1), number("adc1_v", 1, 0.1)),  # seen
    (0x12, 0x23): (gps, station_2g, odometer),
    (0x12, 0x24): (gps, station_2g, terminal, external_voltage, signal, alarm_code),
    (0x12, 0x29): (gps, station_2g, odometer),
    (0x13, 0x0A): (terminal, voltage_level, signal, extension),
    (0x16, 0x24): (gps, station_2g, terminal, external_voltage, signal, alarm_code),
    (0x16, 0x26): (gps, skip(1), station_wide, status),
    (0x16, 0x2D): (gps, station_sized((13,)), status, driver_card),
    (0x22, 0x26): (gps, station_2g, ignition, upload, odometer),
    (0x22, 0x27): (gps, station_2g, ignition, upload, odometer),
    (0x22, 0x2F): (
        gps,
        station_wide,
        ignition,
        upload,
        odometer,
        skip(4),
        number("temperature_c", 2),
        number("humidity_percent", 2),
    ),
    (0x24, 0x2E): (gps, station_2g, ignition, external_voltage, battery_voltage),
    (0x26, 0x26): (gps, station_sized((6,)), status, fence),
    (0x26, 0x29): (gps, station_sized((9,)), status, odometer),
    (0x27, 0x2A): (gps, station_sized((10,)), status, fence, odometer),
    (0x32, 0x27): (gps, station_sized((5,)), status),  # seen: length without itself
    **{(0x34, size): COUNTED_INPUTS for size in range(0x36, 0x48, 2)},
    (0x36, 0x35): (
        gps,
        station_wide,
        ignition,
        upload,
        odometer,
        external_voltage,
        number("battery_v", 1, 0.1),
        number("engine_minutes", 3),
        driver_card,
    ),
    (0x61, 0x2E): (identity, gps, station_wide, skip(2), number("driver_id", 4)),
    (0xA0, 0x2D): (gps, station_4g, ignition, upload, odometer),
    (0xA0, 0x2E): (gps, station_4g, ignition, upload, odometer),
    (0xA2, 0x40): (
        gps,
        station_4g,
        skip(1),
        terminal,
        external_voltage,
        number("battery_percent", 1),
        signal,
        alarm_code,
        skip(1),
        odometer,
        number("engine_minutes", 4),
        identity,
        number("inputs", 2),
    ),
    (0xA3, 0x0C): (terminal, voltage_level, signal, alarm_code),
    (0xA4, 0x31): (gps, station_sized((10,)), status, fence, odometer),
    (0xA4, 0x32): (gps, station_sized((10,)), status, fence, odometer),
}
