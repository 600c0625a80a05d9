"""GT06 messages that carry base stations and access points instead of a position."""

from __future__ import annotations

from typing import Any

from tracker.protocols.base import Heartbeat
from tracker.protocols.fields import STATION_MOST, access_point, cell, signal_dbm
from tracker.protocols.gt06.blocks import WIDE_MNC, date, holds_gps
from tracker.protocols.gt06.layouts import BY_LENGTH, SOMETIMES
from tracker.protocols.gt06.messages import LOCAL_KINDS, Handler, emit, laid_out, position
from tracker.protocols.gt06.report import Report
from tracker.protocols.gt06.wire import Frame, Link, ack
from tracker.protocols.stream import Outcome, handles

HANDLERS: dict[int, Handler] = {}

STATIONS = 7  # the serving one and six neighbours; unused ones are zero
FEWER_STATIONS = 6  # in 33

WIDE_KINDS = frozenset({0x33, 0xA1, 0xA2})  # 4G: LAC u32 and cell id u64


@handles(HANDLERS, 0x18, 0x24, 0x28, 0x2C, 0x2E, 0x33, 0xA1, 0xA2)
def stations(link: Link, frame: Frame) -> Outcome:
    """18, 28, 2C, 33, A1, A2: date, MCC u16, MNC u8 (u16 if bit 15 of MCC is set), seven times (33:
    six times) LAC, cell id, strength u8; timing advance u8; then either language u16, or count u8
    and so many access points of MAC[6], strength u8.

    LAC u16 and cell id u24, in WIDE_KINDS LAC u32 and cell id u64. Strengths are -dBm.
    24, 33 and A2 are positions of other makes: at the lengths that layouts.py knows, and where one
    stands in front; the long form of 33 always is.
    """
    if frame.kind == 0x33 and frame.long:
        return position(link, frame)
    if (frame.kind, frame.size) in BY_LENGTH or (frame.kind in SOMETIMES and holds_gps(frame.info)):
        return emit(link, frame, laid_out(frame, SOMETIMES))
    report = Report()
    at = date(report, frame.info, 0)
    cells, at = cell_list(frame, at)
    attributes: dict[str, Any] = {"cells": cells} if cells else {}
    found = access_points(frame.info, at + 2) if len(frame.info) > at + 3 else []
    if found:
        attributes["wifi"] = found
    if report.time is not None:
        attributes["report_time"] = report.time - link.offset_s(local=frame.kind in LOCAL_KINDS)
    return Heartbeat(ack(frame), attributes=attributes)


def cell_list(frame: Frame, at: int) -> tuple[list[dict[str, Any]], int]:
    """The base stations of `stations` from the MCC on, and where what is behind them starts."""
    info = frame.info
    lac_size, cid_size = (4, 8) if frame.kind in WIDE_KINDS else (2, 3)
    mcc = int.from_bytes(info[at : at + 2], "big")
    mnc_size = 2 if mcc & WIDE_MNC else 1
    mnc = int.from_bytes(info[at + 2 : at + 2 + mnc_size], "big")
    at += 2 + mnc_size
    cells: list[dict[str, Any]] = []
    for _ in range(FEWER_STATIONS if frame.kind == 0x33 else STATIONS):
        entry = info[at : at + lac_size + cid_size + 1]
        if len(entry) <= lac_size + cid_size:
            break
        lac, cid = (
            int.from_bytes(entry[:lac_size], "big"),
            int.from_bytes(entry[lac_size:-1], "big"),
        )
        if (lac or cid) and cid <= STATION_MOST:
            cells.append(cell(mcc & ~WIDE_MNC, mnc, lac, cid, signal_dbm(entry[-1])))
        at += len(entry)
    return cells, at


def access_points(info: bytes, at: int) -> list[dict[str, Any]]:
    """Access points of MAC[6], strength u8, to the end; zeros stand for none."""
    return [
        access_point(info[start : start + 6], signal_dbm(info[start + 6]))
        for start in range(at, len(info) - 6, 7)
        if any(info[start : start + 6])
    ]
