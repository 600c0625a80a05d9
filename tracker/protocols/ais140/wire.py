"""AIS-140 frames: text from $ to *, its fields between commas, one of them an IMEI.

    $,NRM,vendor,firmware,event,code,L,IMEI,plate,1,ddmmyyyy,hhmmss,lat,N,lon,E,...,checksum*
    $,EPB,EMR,IMEI,NM,ddmmyyyyhhmmss,A,lat,N,lon,E,altitude,speed,distance,G,plate,phone*
    $,LGN,plate,IMEI,firmware,...*
    $,HBT,vendor,firmware,IMEI,battery,...*

The comma behind $ and line ends behind * may be missing. How the checksum is worked out is not
stated, and makers differ: it is not looked at. Source: docs/protocols/ais140.md.
"""

from __future__ import annotations

import re

from tracker.protocols.base import Match
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import probe_text

FRAME_MOST = 1024  # reports have 200 to 400 characters

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

# Heads that stand right behind $; behind "$," any short one does.
HEADS = rb"(?:,[0-9A-Za-z]{2,6}|NRM|EPB|LGN|HBT|HLM|HMP|EMR|ALT|Header)"
FIELDS = rb"(?:[^,$*\r\n]{0,40},){0,6}"
EVIDENCE = re.compile(rb"(?:\A|[*\r\n])[\r\n\0\t ]*\$" + HEADS + b"," + FIELDS + rb"[0-9]{15},")
MARK = re.compile(rb"\$(?:\Z|,|[NELHA])")
IMEI = re.compile(rb",[0-9]{15}[,*]")
NO_TEXT = re.compile(rb"[^\x20-\x7f]")


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    limit = at + FRAME_MOST
    end = data.find(b"*", at + 1, limit)
    again = data.find(b"$", at + 1, limit if end < 0 else end)
    if again >= 0:
        return NEVER  # the end of this one was lost
    if end >= 0:
        return end + 1 - at
    return MORE if len(data) < limit else NEVER


def fault(frame: bytes) -> str:
    """A right frame is text and has an IMEI."""
    if NO_TEXT.search(frame):
        return "garbage"
    return "" if IMEI.search(frame) else "field"


FRAMING = Framing(re.compile(rb"\$"), size, fault, PATIENCE_S)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is AIS-140's: a head, and an IMEI among the
    first fields behind it.
    """
    return probe_text(EVIDENCE, MARK, data)
