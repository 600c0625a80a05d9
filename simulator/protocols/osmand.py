"""OsmAnd and Traccar Client: a GET for each position, HTTP/1.1 on a connection that stays open.

    GET /?id=…&timestamp=ms&lat=…&lon=…&speed=…&speed_unit=kmh&bearing=…&altitude=…&batt=… HTTP/1.1

Without coordinates it is a heartbeat; one is sent first, to learn whether the server takes us. The
server answers in the order of the requests: 200 for what is stored, 403 for a device that it does
not want, another 4xx for a request that it cannot read. What stands in the body of a 200 is a
command; nothing is said to it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory

HELLO, BEAT, DONE = -1, -2, -3  # in the place of a serial
BATTERY = 95
HEAD_MOST = 8192  # bytes without the end of a head: no answer of ours
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,6})[ \t]*\r\n", re.IGNORECASE)
CONTINUE, STORED, FORBIDDEN = 100, 200, 403


def stated(fix: Fix) -> Stated:
    """Whole milliseconds, 1e-6 degree, 0.01 km/h, 0.01 degree of course."""
    return Stated(
        int(fix.fix_time * 1000),
        round(fix.lat * 1e6),
        round(fix.lon * 1e6),
        round(round(fix.speed_kmh, 2) * 10),
        round(round(fix.course_deg, 2) % 360 * 10) % 3600,
    )


class OsmandTerminal:
    """The phone's end of one connection."""

    window = 1  # answers carry no number
    answered = True

    def __init__(self, ident: str, memory: Memory) -> None:
        del memory  # nothing outlives a connection here
        self._ident = ident
        self._serial = 0
        self._asked: deque[int] = deque()  # what the next answers are to
        self._buffer = b""

    def hello(self) -> bytes:
        """A heartbeat, which also asks whether we are welcome."""
        return self._request(HELLO, f"batt={BATTERY}")

    def heartbeat(self, fix: Fix | None) -> bytes:
        """Battery and ignition."""
        ignition = "" if fix is None else f"&ignition={str(fix.ignition).lower()}"
        return self._request(BEAT, f"batt={BATTERY}{ignition}")

    def position(self, fix: Fix) -> Frame:
        """One position."""
        self._serial += 1
        course_deg = round(fix.course_deg, 2) % 360
        said = (
            f"timestamp={int(fix.fix_time * 1000)}&lat={fix.lat:.6f}&lon={fix.lon:.6f}"
            f"&speed={fix.speed_kmh:.2f}&speed_unit=kmh&bearing={course_deg:.2f}"
            f"&altitude={fix.altitude_m:.1f}&sat={fix.satellites}"
            f"&ignition={str(fix.ignition).lower()}&batt={BATTERY}"
        )
        return Frame(self._request(self._serial, said), self._serial, 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """The same: a stored position looks like any other."""
        return self.position(fixes[0])

    def receive(self, data: bytes) -> list[Answer]:
        """Answers by their heads and lengths, in any cut; what is none is skipped as a whole."""
        self._buffer += data
        answers: list[Answer] = []
        while True:
            end = self._buffer.find(b"\r\n\r\n") + 4
            if end < 4:
                if len(self._buffer) <= HEAD_MOST:
                    return answers
                end = len(self._buffer)
            head = self._buffer[:end]
            status, length = STATUS.match(head), LENGTH.search(head)
            size = int(length[1]) if status and length else 0
            if len(self._buffer) < end + size:
                return answers
            body, self._buffer = self._buffer[end : end + size], self._buffer[end + size :]
            code = int(status[1]) if status else 0
            answers += self._answer(code)
            if code == STORED and body:
                answers += self.commands(body)

    def commands(self, body: bytes) -> list[Answer]:
        """What the body of an answer asks us for."""
        return [Answer(AnswerKind.COMMAND, detail=body.decode("utf-8", "replace"))]

    def asks(self, what: int, request: bytes) -> bytes:
        """A request whose answer will be to this."""
        self._asked.append(what)
        return request

    def _request(self, what: int, said: str) -> bytes:
        self._asked.append(what)
        return f"GET /?id={self._ident}&{said} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode("ascii")

    def _answer(self, status: int) -> list[Answer]:
        if status == CONTINUE:
            return []
        if not status:
            return [Answer(AnswerKind.DAMAGED, detail="head")]
        asked = self._asked.popleft() if self._asked else None
        if status == FORBIDDEN:
            return [Answer(AnswerKind.REFUSED, detail=str(status))]
        if asked is None or (status != STORED and asked < 0):
            return [Answer(AnswerKind.DAMAGED, detail=str(status))]
        if status != STORED:
            return [Answer(AnswerKind.REJECTED, asked, detail=str(status))]
        if asked == HELLO:
            return [Answer(AnswerKind.ACCEPTED)]
        if asked == BEAT:
            return [Answer(AnswerKind.BEAT)]
        if asked == DONE:
            return []
        return [Answer(AnswerKind.ACKNOWLEDGED, asked)]


FAMILY = Family("osmand", "OsmAnd, Traccar Client", imei, OsmandTerminal, stated)
