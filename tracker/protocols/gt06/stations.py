"""GT06 messages that carry base stations and access points instead of a position."""

from __future__ import annotations

from typing import Any

from tracker.protocols.base import Heartbeat
from tracker.protocols.fields import access_point, cell, signal_dbm
from tracker.protocols.gt06.blocks import WIDE_MNC, date
from tracker.protocols.gt06.layouts import BY_LENGTH
from tracker.protocols.gt06.messages import LOCAL_KINDS, Handler, emit
from tracker.protocols.gt06.report import Report, read
from tracker.protocols.gt06.wire import Frame, Link, ack
from tracker.protocols.stream import Outcome, handles

HANDLERS: dict[int, Handler] = {}

STATIONS = 7  # the serving one and six neighbours; unused ones are zero


@handles(HANDLERS, 0x18, 0x24, 0x28, 0x2C, 0x2E, 0xA1, 0xA2)
def stations(link: Link, frame: Frame) -> Outcome:
    """18, 28, 2C, A1, A2: date, MCC u16, MNC u8 (u16 if bit 15 of MCC is set), seven times LAC,
    cell id, strength u8; timing advance u8; then either language u16, or count u8 and so many
    access points of MAC[6], strength u8.

    LAC u16 and cell id u24, in A1 and A2 LAC u32 and cell id u64. Strengths are -dBm.
    24 and A2 are positions of other makes at the lengths that layouts.py knows.
    """
    layout = BY_LENGTH.get((frame.kind, frame.size))
    if layout is not None:
        return emit(link, frame, read(layout, frame.info))
    info = frame.info
    report = Report()
    at = date(report, info, 0)
    wide = frame.kind in (0xA1, 0xA2)
    lac_size, cid_size = (4, 8) if wide else (2, 3)
    mcc = int.from_bytes(info[at : at + 2], "big")
    mnc_size = 2 if mcc & WIDE_MNC else 1
    mnc = int.from_bytes(info[at + 2 : at + 2 + mnc_size], "big")
    at += 2 + mnc_size
    cells: list[dict[str, Any]] = []
    for _ in range(STATIONS):
        entry = info[at : at + lac_size + cid_size + 1]
        if len(entry) <= lac_size + cid_size:
            break
        lac, cid = (
            int.from_bytes(entry[:lac_size], "big"),
            int.from_bytes(entry[lac_size:-1], "big"),
        )
        if lac or cid:
            cells.append(cell(mcc & ~WIDE_MNC, mnc, lac, cid, signal_dbm(entry[-1])))
        at += len(entry)
    attributes: dict[str, Any] = {"cells": cells} if cells else {}
    found = access_points(info, at + 2) if len(info) > at + 3 else []
    if found:
        attributes["wifi"] = found
    if report.time is not None:
        attributes["report_time"] = report.time - link.offset_s(local=frame.kind in LOCAL_KINDS)
    return Heartbeat(ack(frame), attributes=attributes)


def access_points(info: bytes, at: int) -> list[dict[str, Any]]:
    """Access points of MAC[6], strength u8, to the end; zeros stand for none."""
    return [
        access_point(info[start : start + 6], signal_dbm(info[start + 6]))
        for start in range(at, len(info) - 6, 7)
        if any(info[start : start + 6])
    ]
