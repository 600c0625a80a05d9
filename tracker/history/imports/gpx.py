"""GPX 1.0 and 1.1 as they arrive: the points of tracks, wherever their values stand.

A document type is refused, and with it every entity that a document could define: no bomb can be
built and no file be asked for. Expat is driven directly, because a tree of a day's track would be
hundreds of megabytes and would not know its lines.
"""

from __future__ import annotations

from xml.parsers import expat

from tracker.errors import RequestError
from tracker.history.exports.gpx import OWN
from tracker.history.imports.points import RawPoint

MAX_DEPTH = 32  # elements within each other; GPX with extensions has 7
MAX_TEXT = 1_000  # characters of one value
MAX_TOKEN = 1 << 20  # bytes of a tag or a comment, which Expat has to hold as one
_BETWEEN = " "  # a namespace and a name; no namespace has a space

# Values of a point, by the local name of their element, whoever's namespace it is in.
_NAMES = {
    "ele": "altitude_m",
    "time": "time",
    "sat": "satellites",
    "fix": "fix",
    "speed": "speed_ms",  # GPX 1.0 itself, Garmin's extensions and most others: m/s
    "course": "course_deg",
}
_OWN_NAMES = {"speed_kmh": "speed_kmh", "ignition": "ignition"}


class GpxReader:
    """Bytes of one document in, points out."""

    def __init__(self) -> None:
        parser = self._parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._fed = 0
        self._depth = 0
        self._points: list[RawPoint] = []
        self._point: RawPoint | None = None
        self._name = ""  # of the value whose text is being read
        self._value = ""

    def feed(self, data: bytes) -> list[RawPoint]:
        """The points that these bytes complete. Raises RequestError."""
        return self._parse(data, last=False)

    def close(self) -> list[RawPoint]:
        """The points that are left. Raises RequestError where the document is cut off."""
        return self._parse(b"", last=True)

    def _parse(self, data: bytes, *, last: bool) -> list[RawPoint]:
        self._fed += len(data)
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as exc:
            why = expat.ErrorString(exc.code)
            raise RequestError(f"line {exc.lineno}: not well-formed XML: {why}") from None
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
            line = self._parser.CurrentLineNumber
            raise RequestError(f"line {line}: a tag is longer than {MAX_TOKEN} bytes")
        points, self._points = self._points, []
        return points

    def _doctype(self, *_: object) -> None:
        raise RequestError(
            f"line {self._parser.CurrentLineNumber}: a document type is not allowed in GPX"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        line = self._parser.CurrentLineNumber
        if self._depth > MAX_DEPTH:
            raise RequestError(f"line {line}: elements are nested deeper than {MAX_DEPTH}")
        namespace, _, name = tag.rpartition(_BETWEEN)
        if self._depth == 1 and name != "gpx":
            raise RequestError(f"line {line}: the document is not GPX but <{name[:40]}>")
        self._name = self._value = ""
        if name == "trkpt":
            texts: dict[str, str] = {
                key: attributes[key] for key in ("lat", "lon") if key in attributes
            }
            self._point = RawPoint(line, texts)
        elif self._point is not None:
            own = namespace == OWN
            self._name = "alarm" if own and name == "alarm" else ""
            self._name = self._name or (_OWN_NAMES if own else _NAMES).get(name, "")

    def _text(self, text: str) -> None:
        if self._name and len(self._value) <= MAX_TEXT:
            self._value += text[: MAX_TEXT + 1]

    def _end(self, tag: str) -> None:
        self._depth -= 1
        point, name, value = self._point, self._name, self._value
        self._name = self._value = ""
        if point is None:
            return
        if tag.rpartition(_BETWEEN)[2] == "trkpt":
            if point.texts.pop("fix", "") == "none":
                point.texts["valid"] = "false"
            self._points.append(point)
            self._point = None
        elif len(value) > MAX_TEXT:
            point.error = f"{name}: is longer than {MAX_TEXT} characters"
        elif name == "alarm":
            point.alarms.append(value)
        elif name:
            point.texts.setdefault(name, value)
