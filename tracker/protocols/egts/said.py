"""What one EGTS record says of one moment, while its subrecords are being read."""

from __future__ import annotations

from typing import Any

from tracker.protocols.reports import Report


class Said(Report):
    """The result of reading subrecords up to the next position."""

    __slots__ = ()

    def group(self, name: str) -> dict[str, Any]:
        """An attribute that is a table, such as levels by the number of the sensor; what has no
        name here stands in `items`, by type of the subrecord.
        """
        found: dict[str, Any] = self.attributes.setdefault(name, {})
        return found
