"""JT/T 808, editions 2013 and 2019: the Chinese standard for vehicle terminals.

    7E | id WORD | attributes WORD | [2019: version] | phone BCD | serial WORD | body | XOR | 7E

Between the delimiters 7E becomes 7D 02 and 7D becomes 7D 01. A terminal registers (0100), keeps the
code it gets (8100), authenticates with it (0102) and reports (0200; stored positions in a batch,
0704); all else is answered by 8001 with the serial and id of what it answers. Times are GMT+8.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from simulator.identity import phone
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.checks import xor8
from simulator.protocols.terminal import stated_as

DELIMITER = b"\x7e"
REPLY, HEARTBEAT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0100, 0x0102
LOCATION, LOCATION_ANSWER, BATCH = 0x0200, 0x0201, 0x0704
GENERAL_ANSWER, REGISTERED, QUERY_LOCATION = 0x8001, 0x8100, 0x8201
BODY_LENGTH = 0x03FF
VERSION_FLAG = 1 << 14  # the header is that of 2019
SET_PARAMETERS, CONTROL, TRACKING, TEXT, PASSTHROUGH = 0x8103, 0x8105, 0x8202, 0x8300, 0x8900
OBEYED = frozenset({SET_PARAMETERS, TRACKING, TEXT, PASSTHROUGH})
CONTROLS = frozenset({*range(1, 8), 0x64, 0x65})  # the last two are makers': cut fuel, restore
OK, UNSUPPORTED, ALARM_CONFIRMED = 0, 3, 4
CHINA_TIME_S = 8 * 3600
STATUS_IGNITION, STATUS_FIXED, STATUS_SOUTH, STATUS_WEST = 1, 2, 4, 8
STATUS_GPS = 1 << 18
CSQ_GOOD = 20
STORED_BATCH = 1  # type byte of 0704: positions of a blind area
WINDOW = 64  # frames under way; serials are 16 bits wide
AUTH_CODE = "auth_code"
PLATE_YELLOW = 2

_BASIC = struct.Struct(">IIIIHHH")  # alarm, status, lat, lon, altitude, speed, course
_ITEMS = struct.Struct(">BBIBBBBBB")  # 01 mileage DWORD; 30 CSQ BYTE; 31 satellites BYTE


def escape(data: bytes) -> bytes:
    """What goes between the delimiters."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(data: bytes) -> bytes:
    """The inverse of `escape`."""
    return data.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, whole degrees of course."""
    return stated_as(fix, min(0xFFFF, round(fix.speed_kmh * 10)), round(fix.course_deg) % 360 * 10)


def location_body(fix: Fix) -> bytes:
    """The body of 0200: 28 bytes, then mileage, signal and satellites."""
    status = STATUS_FIXED | STATUS_GPS | (STATUS_IGNITION if fix.ignition else 0)
    status |= (STATUS_SOUTH if fix.lat < 0 else 0) | (STATUS_WEST if fix.lon < 0 else 0)
    basic = _BASIC.pack(
        0,
        status,
        round(abs(fix.lat) * 1e6),
        round(abs(fix.lon) * 1e6),
        round(fix.altitude_m) & 0xFFFF,
        min(0xFFFF, round(fix.speed_kmh * 10)),
        round(fix.course_deg) % 360,
    )
    moment = time.strftime("%y%m%d%H%M%S", time.gmtime(fix.fix_time + CHINA_TIME_S))
    mileage = round(fix.odometer_m / 100)
    items = _ITEMS.pack(0x01, 4, mileage, 0x30, 1, CSQ_GOOD, 0x31, 1, fix.satellites)
    return basic + bytes.fromhex(moment) + items


def _is_obeyed(message_id: int, body: bytes) -> bool:
    """Whether this terminal can do what a message of the platform asks."""
    if message_id == CONTROL:
        return bool(body) and body[0] in CONTROLS
    return message_id in OBEYED


class Jt808Terminal:
    """The terminal's end of one connection, edition 2013."""

    window = WINDOW
    answered = True
    attributes = 0  # what is set in the body attributes besides the length
    version = b""  # protocol version byte of 2019

    def __init__(self, ident: str, memory: Memory) -> None:
        self._ident = ident
        self._phone = bytes.fromhex(ident)
        self._memory = memory
        self._serial = 0
        self._buffer = b""
        self._last: Fix | None = None

    def hello(self) -> bytes:
        """Authentication with the code of an earlier registration, or else registration."""
        if AUTH_CODE in self._memory:
            return self._message(AUTHENTICATE, self.auth_body(self._memory[AUTH_CODE]))
        return self._message(REGISTER, self.register_body())

    def register_body(self) -> bytes:
        """0100: province, city, maker[5], model[20], terminal id[7], plate colour, plate."""
        maker, model = b"SIMUL", b"TRACKER-1".ljust(20, b"\x00")
        return b"\x00\x2c\x01\x2c" + maker + model + self._ident[-7:].encode() + self._plate()

    def auth_body(self, code: str) -> bytes:
        """0102: the code, to the end of the body."""
        return code.encode("gbk")

    def _plate(self) -> bytes:
        return bytes((PLATE_YELLOW,)) + f"SIM{self._ident[-6:]}".encode()

    def position(self, fix: Fix) -> Frame:
        """0200."""
        self._last = fix
        data = self._message(LOCATION, location_body(fix))
        return Frame(data, self._serial, 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """0704 with as many stored positions as one body holds."""
        items: list[bytes] = []
        size = 3
        for fix in fixes:
            body = location_body(fix)
            size += 2 + len(body)
            if size > BODY_LENGTH:
                break
            items.append(len(body).to_bytes(2, "big") + body)
        head = len(items).to_bytes(2, "big") + bytes((STORED_BATCH,))
        data = self._message(BATCH, head + b"".join(items))
        return Frame(data, self._serial, len(items))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """0002."""
        del fix
        return self._message(HEARTBEAT)

    def _message(self, message_id: int, body: bytes = b"") -> bytes:
        """One whole frame with the next serial number."""
        self._serial = self._serial % 0xFFFF + 1
        head = struct.pack(">HH", message_id, self.attributes | len(body))
        content = head + self.version + self._phone + self._serial.to_bytes(2, "big") + body
        return DELIMITER + escape(content + bytes((xor8(content),))) + DELIMITER

    def receive(self, data: bytes) -> list[Answer]:
        """Frames between delimiters, in any cut."""
        *parts, self._buffer = (self._buffer + data).split(DELIMITER)
        answers: list[Answer] = []
        for part in parts:
            if not part:
                continue  # two delimiters side by side: the end of one frame, the start of the next
            content = unescape(part)
            header = 4 + len(self.version) + len(self._phone) + 2
            if xor8(content) or len(content) <= header:
                answers.append(Answer(AnswerKind.DAMAGED, detail="checksum"))
                continue
            message_id = int.from_bytes(content[:2], "big")
            serial = int.from_bytes(content[header - 2 : header], "big")
            answers += self._answer(message_id, serial, content[header:-1])
        return answers

    def _answer(self, message_id: int, serial: int, body: bytes) -> list[Answer]:
        if message_id == REGISTERED and len(body) >= 3:
            return [self._registered(body[2], body[3:])]
        if message_id == GENERAL_ANSWER and len(body) >= 5:
            answered, answered_id, result = struct.unpack(">HHB", body[:5])
            return self._generally_answered(answered, answered_id, result)
        question = struct.pack(">HH", serial, message_id)
        if message_id == QUERY_LOCATION and self._last is not None:
            answer = self._message(LOCATION_ANSWER, question[:2] + location_body(self._last))
            return [Answer(AnswerKind.COMMAND, reply=answer)]
        result = OK if _is_obeyed(message_id, body) else UNSUPPORTED
        answer = self._message(REPLY, question + bytes((result,)))
        return [Answer(AnswerKind.COMMAND, reply=answer, detail=f"{message_id:04x}")]

    def _registered(self, result: int, code: bytes) -> Answer:
        if result != OK:
            return Answer(AnswerKind.REFUSED, detail=f"registration result {result}")
        self._memory[AUTH_CODE] = code.decode("gbk", "replace")
        return Answer(AnswerKind.NEXT, reply=self.hello())

    def _generally_answered(self, serial: int, message_id: int, result: int) -> list[Answer]:
        good = result in {OK, ALARM_CONFIRMED}
        detail = f"result {result}"
        if message_id == AUTHENTICATE:
            if good:
                return [Answer(AnswerKind.ACCEPTED)]
            self._memory.pop(AUTH_CODE, None)  # the code is worth nothing: register again
            return [Answer(AnswerKind.REFUSED, detail=detail)]
        if message_id in {LOCATION, BATCH}:
            kind = AnswerKind.ACKNOWLEDGED if good else AnswerKind.REJECTED
            return [Answer(kind, serial, detail=detail)]
        return [Answer(AnswerKind.BEAT)] if message_id == HEARTBEAT else []


class Jt808Terminal2019(Jt808Terminal):
    """The same in edition 2019: version byte, longer phone and longer fields."""

    attributes = VERSION_FLAG
    version = b"\x01"

    def register_body(self) -> bytes:
        """0100: province, city, maker[11], model[30], terminal id[30], plate colour, plate."""
        maker, model = b"SIMUL".ljust(11, b"\x00"), b"TRACKER-1".ljust(30, b"\x00")
        terminal_id = self._ident[-7:].encode().ljust(30, b"\x00")
        return b"\x00\x2c\x01\x2c" + maker + model + terminal_id + self._plate()

    def auth_body(self, code: str) -> bytes:
        """0102: length and code, IMEI[15], software version[20]."""
        text = code.encode("gbk")
        imei = self._ident[-15:].rjust(15, "0").encode()
        return bytes((len(text),)) + text + imei + b"1.0".ljust(20, b"\x00")


def phone_2019(number: int) -> str:
    """The 20-digit phone number of vehicle `number`."""
    return phone(number, 20)


FAMILY_2013 = Family("jt808", "JT/T 808-2013", phone, Jt808Terminal, stated)
FAMILY_2019 = Family("jt808-2019", "JT/T 808-2019", phone_2019, Jt808Terminal2019, stated)
