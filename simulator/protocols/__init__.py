"""The device protocols that the simulator speaks, by name."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.errors import UsageError
from simulator.protocols import (
    ais140,
    castel,
    cellocator,
    documents,
    eelink,
    egts,
    frame55,
    galileosky,
    gps103,
    gt06,
    h02,
    jt808,
    meitrack,
    mqtt,
    navtelecom,
    nmea,
    osmand,
    queclink,
    ruptela,
    suntech,
    teltonika,
    tk103,
    watch,
    wialon,
    xexun,
)
from simulator.protocols.base import Family

# In turn under the name "mix": binary, with a checksum in every frame.
MIXED = (frame55.FAMILY, gt06.FAMILY, jt808.FAMILY_2013, jt808.FAMILY_2019)
MIX = "mix"

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *MIXED,
        teltonika.FAMILY,
        meitrack.FAMILY,
        queclink.FAMILY,
        wialon.FAMILY,
        h02.FAMILY,
        gps103.FAMILY,
        tk103.FAMILY,
        watch.FAMILY,
        navtelecom.FAMILY,
        egts.FAMILY,
        galileosky.FAMILY,
        cellocator.FAMILY,
        ruptela.FAMILY,
        suntech.FAMILY,
        castel.FAMILY,
        eelink.FAMILY,
        ais140.FAMILY,
        xexun.FAMILY,
        nmea.FAMILY,
        osmand.FAMILY,
        mqtt.FAMILY,
        mqtt.FAMILY_JSON,
        documents.FAMILY,
        documents.FAMILY_JSON,
    )
}


def families(names: Sequence[str]) -> list[Family]:
    """The protocols of `names`, each a name, a comma list or "mix". Raises UsageError."""
    found: list[Family] = []
    for name in ",".join(names).split(","):
        if name == MIX:
            found += MIXED
        elif name in FAMILIES:
            found.append(FAMILIES[name])
        else:
            known = ", ".join([*FAMILIES, MIX])
            raise UsageError(f"unknown protocol {name!r}: known are {known}")
    return found
