"""Numbers, times and texts as the file formats want them."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from xml.sax.saxutils import escape

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
# Everything that XML 1.0 cannot say at all, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decimal(value: float) -> str:
    """The shortest digits that read back as the same float, without an exponent."""
    text = repr(float(value))
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def known(value: float | None) -> bool:
    """Whether there is a number that a file can hold."""
    return value is not None and math.isfinite(value)


def utc(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC, exact to the microsecond, shorter where it can be."""
    moment = _EPOCH + round(seconds * 1_000_000) * _MICROSECOND
    if moment.microsecond == 0:
        spec = "seconds"
    else:
        spec = "milliseconds" if moment.microsecond % 1_000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def xml(text: str) -> str:
    """Text as the content of an XML element or of an attribute in double quotes."""
    return escape(_NOT_XML.sub("\ufffd", text), {'"': "&quot;", "\r": "&#13;"})
