"""The text protocols, character for character.

Positions were worked out by hand from the layouts in the modules' docstrings: 33.456789 is 33
degrees and 27.40734 minutes, 70.648765 is 70 degrees and 38.92590 minutes, 87.6 km/h is 47.30
knots.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.model import Fix, Stated
from simulator.protocols import FAMILIES, h02, nmea, tk103, watch, xexun
from simulator.protocols.base import AnswerKind, Family
from simulator.protocols.gps103 import FAMILY as GPS103

from .protocol_cases import SOUTH_WEST, three_ways
from .test_protocols import FIXES

IMEI = "359099000000025"
ANSWERED = [FAMILIES[name] for name in ("h02", "gps103", "tk103", "watch")]
ALL = [*ANSWERED, xexun.FAMILY, nmea.FAMILY]
EVERY = pytest.mark.parametrize("family", ALL, ids=[family.name for family in ALL])

ACCEPTED, BEAT, COMMAND = AnswerKind.ACCEPTED, AnswerKind.BEAT, AnswerKind.COMMAND
ACKNOWLEDGED, LOCATE, DAMAGED = AnswerKind.ACKNOWLEDGED, AnswerKind.LOCATE, AnswerKind.DAMAGED


def sent(family: Family, fix: Fix = SOUTH_WEST) -> str:
    """A position of vehicle 2."""
    return family.terminal(family.ident(2), {}).position(fix).data.decode("ascii")


def test_h02() -> None:
    assert h02.FAMILY.ident(2) == "9900000002"
    assert h02.FAMILY.terminal("9900000002", {}).hello() == b"*HQ,9900000002,HTBT,100#"
    assert sent(h02.FAMILY) == (
        "*HQ,9900000002,V1,060708,A,3327.40734,S,07038.92590,W,047.30,271,050426,FFFFFFFF,"
        "001,01,0,0,6#"
    )


def test_gps103() -> None:
    assert GPS103.terminal(IMEI, {}).hello() == f"##,imei:{IMEI},A;".encode()
    assert GPS103.terminal(IMEI, {}).heartbeat(None) == f"{IMEI};".encode()
    assert sent(GPS103) == (
        "imei:359099000000025,tracker,260405060708,,F,060708.000,A,3327.40734,S,07038.92590,W,"
        "47.30,271.40,567.0,1,,,,;"
    )


def test_tk103() -> None:
    assert (
        tk103.FAMILY.terminal("019900000002", {}).hello() == b"(019900000002BP00000019900000002HSO)"
    )
    assert sent(tk103.FAMILY) == (
        "(019900000002BR00260405A3327.4073S07038.9259W087.6060708271.4001000000L075BCCBC)"
    )


def test_watch() -> None:
    terminal = watch.FAMILY.terminal("9900000002", {})
    assert terminal.hello() == b"[3G*9900000002*0009*LK,0,0,95]"
    body = "050426,060708,A,33.456789,S,70.648765,W,87.60,271.4,567.0,11,80,95,8933,0,00000000,0,0"
    walked = Fix(**{**_members(SOUTH_WEST), "odometer_m": 6700.0})
    assert sent(watch.FAMILY, walked) == f"[3G*9900000002*{len(body) + 3:04X}*UD,{body}]"
    stored = terminal.backlog([walked, walked])
    assert stored.data == f"[3G*9900000002*{len(body) + 4:04X}*UD2,{body}]".encode()
    assert stored.fixes == 1


def _members(fix: Fix) -> dict[str, float]:
    return {name: getattr(fix, name) for name in Fix.__slots__}


def test_xexun() -> None:
    """The check values were computed bit by bit."""
    text = "260405060708,,GPRMC,060708.000,A,3327.40734,S,07038.92590,W,47.30,271.40,050426,,,A*"
    body = text[14:-1]
    check = 0
    for letter in body.encode():
        check ^= letter
    text += f"{check:02X},F,acc on, imei:359099000000025,11,567.0,F:4.05V,1,"
    text += f"{len(text)},"
    crc = 0
    for letter in text.encode():
        crc ^= letter << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    assert sent(xexun.FAMILY) == f"{text}{crc},001,01,0000,0000\r\n"


def test_nmea() -> None:
    """The example in the NMEA 0183 literature, and a pair of one moment."""
    example = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
    assert nmea.sentence(example[1:-5].decode()) == example
    gga, rmc, _ = sent(nmea.FAMILY).split("\r\n")
    assert gga.startswith("$GPGGA,060708.00,3327.40734,S,07038.92590,W,1,11,0.9,567.0,M,,M,,*")
    assert rmc.startswith("$GPRMC,060708.00,A,3327.40734,S,07038.92590,W,47.30,271.40,050426,,,A*")


def test_stated_is_what_the_texts_hold() -> None:
    for family in (h02.FAMILY, GPS103, xexun.FAMILY, nmea.FAMILY):
        said = family.stated(SOUTH_WEST)
        assert said.fix_ms == 1775369228000
        assert (said.lat_e6, said.lon_e6, said.speed_dkmh) == (-33456789, -70648765, 876)
    assert h02.stated(SOUTH_WEST).course_ddeg == 2710
    assert tk103.stated(SOUTH_WEST) == Stated(1775369228000, -33456788, -70648765, 876, 2714)
    assert watch.stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)


@EVERY
@given(fix=FIXES)
def test_any_fix_can_be_stated_and_sent(family: Family, fix: Fix) -> None:
    frame = family.terminal(family.ident(1), {}).position(fix)
    said = family.stated(fix)
    assert frame.fixes == 1
    assert frame.data.isascii()
    assert abs(said.fix_ms / 1000 - fix.fix_time) < 1.0
    assert abs(said.lat_e6 / 1e6 - fix.lat) <= 1.5e-6
    assert abs(said.lon_e6 / 1e6 - fix.lon) <= 1.5e-6
    assert abs(said.speed_dkmh / 10 - fix.speed_kmh) <= 0.1
    turn = abs(said.course_ddeg / 10 - fix.course_deg)
    assert min(turn, 360 - turn) <= 0.51
    assert 0 <= said.course_ddeg < 3600


@EVERY
@given(chunks=st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_the_server_says_comes_out_as_answers(family: Family, chunks: list[bytes]) -> None:
    terminal = family.terminal(family.ident(1), {})
    terminal.hello()
    for chunk in chunks:
        for answer in terminal.receive(chunk):
            assert isinstance(answer.kind, AnswerKind)


ANSWERS = {
    "h02": [
        (b"*HQ,9900000002,HTBT#", [ACCEPTED]),
        (b"*HQ,9900000002,V4,V1,20260405060708#", [ACKNOWLEDGED]),
        (b"*HQ,9900000002,D1,060708,30,1#", [LOCATE]),
        (b"*HQ,9900000002,S20,060708,1,1#", [COMMAND]),
        (b"*HQ,9900000003,HTBT#", [DAMAGED]),
    ],
    "gps103": [
        (b"LOAD", [ACCEPTED]),
        (b"ON", [BEAT]),
        (b"LOADON", [ACCEPTED, BEAT]),
        (b"**,imei:359099000000025,B", [LOCATE]),
    ],
    "tk103": [
        (b"(019900000002AP01HSO)", [ACCEPTED]),
        (b"(019900000002AV010)", [COMMAND]),
        (b"(019900000003AV010)", [DAMAGED]),
    ],
    "watch": [
        (b"[3G*9900000002*0002*LK]", [ACCEPTED]),
        (b"[3G*9900000002*0002*CR]", [LOCATE]),
        (b"[3G*9900000002*0009*UPLOAD,60]", [COMMAND]),
        (b"[3G*9900000003*0002*LK]", [DAMAGED]),
    ],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_in_three_cuts(name: str) -> None:
    family = FAMILIES[name]
    for data, kinds in ANSWERS[name]:
        for answers in three_ways(lambda: family.terminal(family.ident(2), {}), data):
            assert [answer.kind for answer in answers] == kinds, data


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("gps103", b"ON"),
        ("tk103", b"(019900000002AP01HSO)"),
        ("watch", b"[3G*9900000002*0002*LK]"),
    ],
)
def test_an_answered_heartbeat_vouches_for_what_was_sent_before_it(
    name: str, answer: bytes
) -> None:
    family = FAMILIES[name]
    terminal = family.terminal(family.ident(2), {})
    terminal.hello()
    terminal.receive(b"LOAD" if name == "gps103" else answer)
    first, second = terminal.position(SOUTH_WEST), terminal.position(SOUTH_WEST)
    terminal.heartbeat(None)
    third = terminal.position(SOUTH_WEST)
    answers = terminal.receive(answer)
    assert answers[0].kind is BEAT
    assert [one.serial for one in answers[1:]] == [first.serial, second.serial]
    assert terminal.receive(answer)[1:] == [], "one heartbeat has one answer"
    terminal.heartbeat(None)
    assert [one.serial for one in terminal.receive(answer)[1:]] == [third.serial]


def test_commands_are_confirmed() -> None:
    (answer,) = h02.FAMILY.terminal("9900000002", {}).receive(b"*HQ,9900000002,S20,060708,1,1#")
    assert answer.reply == b"*HQ,9900000002,V4,S20,DONE,060708#"
    terminal = GPS103.terminal(IMEI, {})
    terminal.position(SOUTH_WEST)
    (answer,) = terminal.receive(b"**,imei:359099000000025,J")
    assert answer.reply.startswith(b"imei:359099000000025,jt,260405060708,,F,")
    (answer,) = tk103.FAMILY.terminal("019900000002", {}).receive(b"(019900000002AV010)")
    assert answer.reply == b"(019900000002BV010)"
    (answer,) = watch.FAMILY.terminal("9900000002", {}).receive(b"[3G*9900000002*0009*UPLOAD,60]")
    assert answer.reply == b"[3G*9900000002*0006*UPLOAD]"
