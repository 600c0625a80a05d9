"""OwnTracks, and devices of one's own, over MQTT 3.1.1 with QoS 1.

    CONNECT, SUBSCRIBE …/cmd | PUBLISH topic, number, JSON | PUBACK number | PINGREQ, PINGRESP

A packet is a byte of kind and flags, the length of the rest in one to four bytes of 7 bits, and the
rest; numbers have the high byte first, texts their length before them. An app of OwnTracks
publishes {"_type":"location",…} under owntracks/user/device with whole km/h and degrees; the others
what docs/protocols/json.md calls the device's own topic, tracker/DEVICE/position.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory

KEEP_ALIVE_S = 60
CLEAN_SESSION = 0x02
QOS_1 = 0x02  # among the flags of PUBLISH and SUBSCRIBE
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PACKET_MOST = 65_536  # bytes: no packet of a server to a device is longer
NUMBERS = 0xFFFF
BATTERY = 95

Say = Callable[[Fix], dict[str, object]]


def sized(value: str) -> bytes:
    """A text behind its length."""
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first: int, body: bytes) -> bytes:
    """A whole packet."""
    size, length = bytearray(), len(body)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return bytes((first,)) + bytes(size) + body


class MqttTerminal:
    """The device's end of one connection."""

    window = 10  # publications that an app has under way
    answered = True

    def __init__(
        self, ident: str, memory: Memory, topic: str, base: str, say: Say, ack: str = ""
    ) -> None:
        del memory  # nothing outlives a connection here
        self._ack = ack  # the topic on which commands are answered, where the device does that
        self._located = False  # the next position is the answer to a question
        self._ident, self._topic, self._base, self._say = ident, topic, base, say
        self._number = 0
        self._buffer = b""

    def hello(self) -> bytes:
        """CONNECT, and at once what we wish to hear."""
        said = sized("MQTT") + bytes((4, CLEAN_SESSION)) + KEEP_ALIVE_S.to_bytes(2, "big")
        wish = self._next().to_bytes(2, "big") + sized(f"{self._base}/cmd") + b"\1"
        return packet(0x10, said + sized(self._ident)) + packet(0x80 | QOS_1, wish)

    def position(self, fix: Fix) -> Frame:
        """One position; its serial is the number of the packet."""
        number = self._next()
        said = self._say(fix)
        if self._located and not self._ack:
            said["t"] = "r"
        self._located = False
        return Frame(self._publication(self._topic, number, said), number, 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """The same: a stored position looks like any other."""
        return self.position(fixes[0])

    def heartbeat(self, fix: Fix | None) -> bytes:
        """PINGREQ."""
        del fix
        return packet(0xC0, b"")

    def receive(self, data: bytes) -> list[Answer]:
        """Whole packets, in any cut; what can be none takes everything behind it with it."""
        self._buffer += data
        answers: list[Answer] = []
        while len(self._buffer) > 1:
            length, at = 0, 1
            while at < len(self._buffer) and at <= 4:
                byte = self._buffer[at]
                length |= (byte & 0x7F) << (7 * (at - 1))
                at += 1
                if byte < 0x80:
                    break
            else:
                if at <= 4:
                    return answers
                length = PACKET_MOST + 1
            if length > PACKET_MOST:
                self._buffer = b""
                return [*answers, Answer(AnswerKind.DAMAGED, detail="length")]
            if len(self._buffer) < at + length:
                return answers
            first, body = self._buffer[0], self._buffer[at : at + length]
            self._buffer = self._buffer[at + length :]
            answers += self._answer(first, body)
        return answers

    def _next(self) -> int:
        self._number = self._number % NUMBERS + 1
        return self._number

    def _publication(self, topic: str, number: int, said: dict[str, object]) -> bytes:
        payload = json.dumps(said, separators=(",", ":")).encode()
        return packet(PUBLISH << 4 | QOS_1, sized(topic) + number.to_bytes(2, "big") + payload)

    def _answer(self, first: int, body: bytes) -> list[Answer]:
        kind = first >> 4
        if kind == CONNACK and len(body) == 2:
            right = AnswerKind.REFUSED if body[1] else AnswerKind.ACCEPTED
            return [Answer(right, detail=str(body[1]) if body[1] else "")]
        if kind == PUBACK and len(body) == 2:
            return [Answer(AnswerKind.ACKNOWLEDGED, int.from_bytes(body, "big"))]
        if kind == PINGRESP and not body:
            return [Answer(AnswerKind.BEAT)]
        if kind == PUBLISH:
            return [self._command(first, body)]
        if kind == SUBACK and len(body) == 3 and body[2] <= 2:
            return []
        return [Answer(AnswerKind.DAMAGED, detail=f"packet {first:#04x}")]

    def _command(self, first: int, body: bytes) -> Answer:
        """What we are asked for; with QoS 1 its arrival is acknowledged.

        A phone answers with a position, a device of one's own by the number of the command.
        """
        end = 2 + int.from_bytes(body[:2], "big")
        number = body[end : end + 2] if first & QOS_1 else b""
        try:
            asked = json.loads(body[end + len(number) :])
        except ValueError:
            return Answer(AnswerKind.DAMAGED, detail="command")
        wish = asked.get("action", asked.get("type")) if isinstance(asked, dict) else None
        reply = packet(PUBACK << 4, number) if number else b""
        if self._ack and isinstance(asked, dict):
            done: dict[str, object] = {"id": asked.get("id"), "result": "ok", "text": ""}
            reply += self._publication(self._ack, self._next(), done)
        locate = self._located = wish in ("reportLocation", "locate")
        return Answer(AnswerKind.LOCATE if locate else AnswerKind.COMMAND, reply=reply)


def app_says(fix: Fix) -> dict[str, object]:
    """A location of OwnTracks; what is zero is left out, as the apps do."""
    said: dict[str, object] = {
        "_type": "location", "tid": "SI", "tst": int(fix.fix_time), "lat": round(fix.lat, 6),
        "lon": round(fix.lon, 6), "acc": 5, "batt": BATTERY, "bs": 1, "conn": "m",
    }  # fmt: skip
    for name, value in (
        ("vel", fix.speed_kmh), ("cog", fix.course_deg % 360), ("alt", fix.altitude_m),
    ):  # fmt: skip
        if round(value):
            said[name] = round(value)
    return said


def device_says(fix: Fix) -> dict[str, object]:
    """Everything under the names of the device's own topic."""
    return {
        "time": fix.fix_time, "lat": round(fix.lat, 6), "lon": round(fix.lon, 6),
        "speed": round(fix.speed_kmh, 2), "course": round(fix.course_deg, 2) % 360,
        "altitude": round(fix.altitude_m, 1), "satellites": fix.satellites,
        "ignition": fix.ignition, "battery": BATTERY, "odometer": round(fix.odometer_m),
    }  # fmt: skip


def app_stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, whole km/h and degrees; no speed and no course are zero."""
    return Stated(
        int(fix.fix_time) * 1000,
        round(fix.lat * 1e6),
        round(fix.lon * 1e6),
        round(fix.speed_kmh) * 10,
        round(fix.course_deg % 360) * 10 % 3600,
    )


def device_stated(fix: Fix) -> Stated:
    """Time as it is, 1e-6 degree, 0.01 km/h, 0.01 degree of course."""
    return Stated(
        round(fix.fix_time * 1000),
        round(fix.lat * 1e6),
        round(fix.lon * 1e6),
        round(round(fix.speed_kmh, 2) * 10),
        round(round(fix.course_deg, 2) % 360 * 10) % 3600,
    )


def user(number: int) -> str:
    """The topic of a phone, which is its name."""
    return f"owntracks/driver/{number:06d}"


def app(ident: str, memory: Memory) -> MqttTerminal:
    """A phone with OwnTracks."""
    return MqttTerminal(ident, memory, ident, ident, app_says)


def device(ident: str, memory: Memory) -> MqttTerminal:
    """A device of one's own."""
    base = f"tracker/{ident}"
    return MqttTerminal(ident, memory, f"{base}/position", base, device_says, f"{base}/ack")


FAMILY = Family("mqtt", "OwnTracks over MQTT", user, app, app_stated)
FAMILY_JSON = Family("mqtt-json", "plain JSON over MQTT", imei, device, device_stated)
