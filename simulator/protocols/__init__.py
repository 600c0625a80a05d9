"""The device protocols that the simulator speaks, by name."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.errors import UsageError
from simulator.protocols import frame55, gt06, jt808
from simulator.protocols.base import Family

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (frame55.FAMILY, gt06.FAMILY, jt808.FAMILY_2013, jt808.FAMILY_2019)
}
MIX = "mix"  # all of them in turn


def families(names: Sequence[str]) -> list[Family]:
    """The protocols of `names`, each a name, a comma list or "mix". Raises UsageError."""
    found: list[Family] = []
    for name in ",".join(names).split(","):
        if name == MIX:
            found += FAMILIES.values()
        elif name in FAMILIES:
            found.append(FAMILIES[name])
        else:
            known = ", ".join([*FAMILIES, MIX])
            raise UsageError(f"unknown protocol {name!r}: known are {known}")
    return found
