"""All protocols, in the order in which a connection is tried: strong and cheap evidence first.

To add one: write its module with a `FAMILY`, put it in here, give it a page
docs/protocols/NAME.md and vectors in tests/unit/protocols/vectors/NAME.json. Tests hold every
member of this table to the contract of base.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker.protocols import (
    ais140,
    castel,
    cellocator,
    eelink,
    egts,
    frame55,
    galileosky,
    gps103,
    gt06,
    h02,
    http,
    jt808,
    meitrack,
    mqtt,
    navtelecom,
    nmea,
    queclink,
    ruptela,
    suntech,
    teltonika,
    tk103,
    watch,
    wialon,
    xexun,
)
from tracker.protocols.base import Family

FAMILIES: tuple[Family, ...] = (
    http.OWNTRACKS,
    http.FLESPI,
    http.JSON,
    http.OSMAND,
    mqtt.FAMILY,
    gt06.FAMILY,
    jt808.FAMILY,
    teltonika.FAMILY,
    meitrack.FAMILY,
    queclink.FAMILY,
    h02.FAMILY,
    wialon.FAMILY,
    gps103.FAMILY,
    tk103.FAMILY,
    watch.FAMILY,
    cellocator.FAMILY,
    navtelecom.FAMILY,
    castel.FAMILY,
    eelink.FAMILY,
    suntech.FAMILY,
    egts.FAMILY,
    galileosky.FAMILY,
    ruptela.FAMILY,
    ais140.FAMILY,
    xexun.FAMILY,
    nmea.FAMILY,
    frame55.FAMILY,  # one byte of mark, one of checksum: weakest, so last
)

_BY_NAME: Mapping[str, Family] = {family.name: family for family in FAMILIES}


def family(name: str) -> Family:
    """The protocol of this name. Raises KeyError for one that is not in the table."""
    return _BY_NAME[name]
