"""XLSX, by XlsxWriter in its mode of constant memory: rows go to a temporary file as they come.

Everything here blocks. The caller feeds it in a thread, some rows at a time, and sends the file
when it is finished. Times are real dates in UTC, texts are texts: nothing is ever taken for a
formula.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import xlsxwriter  # type: ignore[import-untyped]

from tracker.history.exports.csv import ALARM_SEPARATOR, COLUMNS
from tracker.history.exports.text import known
from tracker.model import Position

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576  # of a sheet, the header included: the format's own limit
MAX_TEXT = 32_767  # characters in a cell, likewise
_DAY_S = 86_400.0
_EPOCH_DAY = 25_569  # 1970-01-01 in days since 1899-12-30
_WIDTHS = (24, 12, 12, 11, 11, 11, 8, 11, 9, 8, 24, 20, 60)


class XlsxFile:
    """A workbook that grows by rows; one sheet, or more where a sheet is full."""

    def __init__(self, path: Path, title: str, *, max_rows: int = MAX_ROWS) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        self._book.set_properties({"title": title})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._bold = self._book.add_format({"bold": True})
        self._max_rows = max_rows
        self._sheets = 0
        self._add_sheet()

    def add(self, positions: list[Position]) -> None:
        """A row for each position."""
        for position in positions:
            if self._row >= self._max_rows:
                self._add_sheet()
            self._write(position)
            self._row += 1

    def close(self) -> None:
        """Finish the file."""
        self._book.close()

    def _add_sheet(self) -> None:
        self._sheets += 1
        name = "Positions" if self._sheets == 1 else f"Positions {self._sheets}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 1)
        for column, (title, width) in enumerate(zip(COLUMNS, _WIDTHS, strict=True)):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, title, self._bold)
        self._row = 1

    def _write(self, position: Position) -> None:
        sheet, row, fix = self._sheet, self._row, position.fix
        sheet.write_number(row, 0, fix.fix_time / _DAY_S + _EPOCH_DAY, self._time)
        numbers = (fix.lat, fix.lon, fix.speed_kmh, fix.course_deg, fix.altitude_m)
        for column, number in enumerate(numbers, 1):
            if number is not None and known(number):
                sheet.write_number(row, column, number)
        sheet.write_boolean(row, 6, fix.valid)
        if fix.satellites is not None:
            sheet.write_number(row, 7, fix.satellites)
        if fix.ignition is not None:
            sheet.write_boolean(row, 8, fix.ignition)
        sheet.write_boolean(row, 9, fix.stored)
        sheet.write_number(row, 10, position.received_time / _DAY_S + _EPOCH_DAY, self._time)
        if fix.alarms:
            sheet.write_string(row, 11, ALARM_SEPARATOR.join(fix.alarms)[:MAX_TEXT])
        if fix.attributes:
            sheet.write_string(row, 12, orjson.dumps(dict(fix.attributes)).decode()[:MAX_TEXT])
