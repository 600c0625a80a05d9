"""Which protocol a connection speaks, told by its first bytes.

Each protocol's probe is asked in the order of the registry. Nothing is answered and no decoder is
built before one is sure; the bytes are then fed to its decoder from the first one on.

- Weak marks decide nothing: GT06 needs a frame whose length, end and CRC are right, JT/T 808 one
  between two marks whose length and XOR are right, 0x55 one with a known command, a length that
  this command can have and the right XOR.
- The first frame may be damaged: a right frame decides wherever it starts within the limit.
- The first frame may be longer than the limit: where a whole header cannot be a coincidence (a
  known JT/T 808 message of a phone number, a known kind of long GT06 frame) it decides then.
- Text, and what no probe finds a mark in, is given up early; everything else at the limit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Family, Match
from tracker.protocols.registry import FAMILIES

# What may carry a device protocol, or has its own listener: name, pattern at the very start. Each
# is recognised here so that it gets a clear word; a layer that speaks it is to be tried first.
CARRIERS: Sequence[tuple[str, re.Pattern[bytes]]] = (
    ("tls", re.compile(rb"\x16\x03[\x00-\x04]")),
    ("http", re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) ")),
    ("mqtt", re.compile(rb"\x10[\x00-\xff]{1,4}\x00(?:\x04MQTT|\x06MQIsdp)", re.DOTALL)),
)


def carrier(data: bytes) -> str | None:
    """The name of the carrier that these first bytes begin, if they do."""
    for name, pattern in CARRIERS:
        if pattern.match(data):
            return name
    return None


def detect(data: bytes, families: Sequence[Family] = FAMILIES) -> Family | None:
    """The protocol of a connection that began with these bytes; None if more are needed.

    Raises DecodeError of kind `unknown` when none can match, or none did within PROBE_LIMIT.
    """
    carried_by = carrier(data)
    if carried_by is not None:
        families = [family for family in families if family.carrier == carried_by]
        if not families:
            raise DecodeError("unknown", f"{carried_by} instead of a device protocol", data)
    open_still = False
    for family in families:
        match = family.probe(data)
        if match is Match.YES:
            return family
        open_still = open_still or match is Match.MORE
    if not open_still:
        raise DecodeError("unknown", "the first bytes fit no protocol", data)
    if len(data) >= PROBE_LIMIT:
        raise DecodeError("unknown", f"no protocol within {PROBE_LIMIT} bytes", data)
    return None
