"""OwnTracks and devices of one's own by HTTP: a POST of JSON for each position.

    POST /pub, X-Limit-U and -D: user, device     {"_type":"location",…}   200 [{"_type":"cmd",…}]
    POST /tracker/DEVICE/position, Accept: JSON   {"time":…,"lat":…,…}     200 {"commands":[…]}
    POST /tracker/DEVICE/ack                      {"id":…,"result":"ok"}   200

Connections, answers and their order are those of `osmand`. A phone answers reportLocation with a
position; a device of one's own says of each command what has become of it.
"""

from __future__ import annotations

import json

from simulator.identity import imei
from simulator.model import Fix
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.mqtt import app_says, app_stated, device_says, device_stated, user
from simulator.protocols.osmand import BATTERY, BEAT, DONE, HELLO, OsmandTerminal

Said = dict[str, object]


class PhoneTerminal(OsmandTerminal):
    """The app's end of one connection."""

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        _, name, device = ident.split("/")
        self._fields = f"X-Limit-U: {name}\r\nX-Limit-D: {device}"
        self._located = False  # the next position is the answer to a question

    def hello(self) -> bytes:
        """A status, which says nothing of a place."""
        return self._post(HELLO, {"_type": "status"})

    def heartbeat(self, fix: Fix | None) -> bytes:
        """The same."""
        del fix
        return self._post(BEAT, {"_type": "status"})

    def position(self, fix: Fix) -> Frame:
        """One position."""
        self._serial += 1
        said = app_says(fix)
        if self._located:
            said["t"], self._located = "r", False
        return Frame(self._post(self._serial, said), self._serial, 1)

    def commands(self, body: bytes) -> list[Answer]:
        """A list of objects; those of friends are none of ours."""
        try:
            found = json.loads(body)
            actions = [one.get("action") for one in found if one["_type"] == "cmd"]
        except (ValueError, TypeError, LookupError, AttributeError):
            return [Answer(AnswerKind.DAMAGED, detail="command")]
        answers = []
        for action in actions:
            if action == "reportLocation":
                self._located = True
                answers.append(Answer(AnswerKind.LOCATE))
            else:
                answers.append(Answer(AnswerKind.COMMAND, detail=str(action)))
        return answers

    def _post(self, what: int, said: Said) -> bytes:
        return self.asks(what, post("/pub", said, self._fields))


class PlainTerminal(OsmandTerminal):
    """The end of a device of one's own."""

    def hello(self) -> bytes:
        """A report without a place, before the receiver has told the time."""
        return self._post(HELLO, "position", {"time": 0, "battery": BATTERY})

    def heartbeat(self, fix: Fix | None) -> bytes:
        """The same, with the time of the latest fix."""
        moment = 0.0 if fix is None else fix.fix_time
        return self._post(BEAT, "position", {"time": moment, "battery": BATTERY})

    def position(self, fix: Fix) -> Frame:
        """One position."""
        self._serial += 1
        return Frame(self._post(self._serial, "position", device_says(fix)), self._serial, 1)

    def commands(self, body: bytes) -> list[Answer]:
        """An object with a list of them; each is answered by its number."""
        try:
            asked = [(one["id"], one["type"]) for one in json.loads(body)["commands"]]
        except (ValueError, TypeError, LookupError):
            return [Answer(AnswerKind.DAMAGED, detail="command")]
        return [
            Answer(
                AnswerKind.LOCATE if kind == "locate" else AnswerKind.COMMAND,
                reply=self._post(DONE, "ack", {"id": number, "result": "ok", "text": ""}),
                detail=str(kind),
            )
            for number, kind in asked
        ]

    def _post(self, what: int, leaf: str, said: Said) -> bytes:
        target = f"/tracker/{self._ident}/{leaf}"
        return self.asks(what, post(target, said, "Accept: application/json"))


def post(target: str, said: Said, fields: str) -> bytes:
    """A whole request."""
    body = json.dumps(said, separators=(",", ":"))
    head = f"POST {target} HTTP/1.1\r\nHost: tracker\r\n{fields}\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode("ascii")


FAMILY = Family("owntracks", "OwnTracks over HTTP", user, PhoneTerminal, app_stated)
FAMILY_JSON = Family("json", "plain JSON over HTTP", imei, PlainTerminal, device_stated)
