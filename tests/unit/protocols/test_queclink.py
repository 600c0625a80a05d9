"""Queclink beyond the transcripts: datagrams, damage, bounds, first bytes."""

from __future__ import annotations

import pytest

from tests.unit.protocols.transcripts import cases_of, drain, feed, new_session
from tracker.errors import DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Alarm, Heartbeat, Login, Match, Notice, Positions
from tracker.protocols.queclink import FAMILY, QueclinkDecoder, kinds, vehicle
from tracker.protocols.queclink.report import find_places
from tracker.protocols.queclink.wire import HEX_MOST, TEXT_MOST, UNANSWERED_MOST

IDENT = "356307042441013"
BLOCK = b"1,36.5,90,50.0,114.059000,22.540000,20250301003015,0460,0000,287D,1FB8,00"
REPORT = (
    b"+RESP:GTFRI,060100,356307042441013,,12500,10,1," + BLOCK + b",1234.5,00012:30:15,,,100,"
    b"220100,,,,20250301003017,11F0$"
)


def steps(name: str) -> list[bytes]:
    """What the device sends in the transcript of this name."""
    (case,) = (case for case in cases_of(FAMILY) if case["name"] == name)
    return [bytes.fromhex(step["send"]) for step in case["steps"]]


HEX = steps("HEX: reports")[0]
AIR = steps("air: live and stored records, with and without a position")[0]


def named() -> QueclinkDecoder:
    return QueclinkDecoder(new_session({"ident": IDENT}))


@pytest.mark.parametrize("sent", [HEX, AIR], ids=["HEX", "air"])
def test_the_frame_behind_any_damaged_byte_is_found(sent: bytes) -> None:
    for at in range(len(sent)):
        for value in {0, 0x0D, 0x24, 0x2B, 0xFF, sent[at] ^ 1} - {sent[at]}:
            items = feed(named(), sent[:at] + bytes((value,)) + sent[at + 1 :] + sent)
            assert isinstance(items[-1], Positions), (at, value)
            # What stands in front of the sum of HEX, the mark and its kind, is not part of it.
            assert [type(item) for item in items].count(Positions) == 1 or at < 4, (at, value)


@pytest.mark.parametrize("sent", [REPORT, HEX, AIR], ids=["text", "HEX", "air"])
def test_the_frame_behind_a_truncated_one_is_found(sent: bytes) -> None:
    for size in range(1, len(sent)):
        for cut in (sent[:size], sent[size:]):
            decoder = named()
            items = feed(decoder, cut + sent)
            assert isinstance(items[-1], Positions), size
            assert decoder.buffered == 0


def test_all_forms_may_share_a_connection() -> None:
    items = feed(named(), REPORT + HEX + AIR + REPORT + AIR + HEX, 11)
    assert [type(item) for item in items] == [Positions] * 6


@pytest.mark.parametrize("end", [b"$", b"$\x00", b"\x00", b"$\r\n"])
def test_datagrams_do_not_run_into_each_other(end: bytes) -> None:
    decoder = QueclinkDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(REPORT[:80])
    assert [type(item) for item in drain(decoder)] == [DecodeError]
    decoder.receive_data(REPORT[:-1] + end)
    decoder.receive_data(REPORT)
    assert [type(item) for item in drain(decoder)] == [Login, Positions, Positions]


def test_text_without_end_is_not_waited_for_beyond_bounds() -> None:
    decoder = named()
    items = feed(decoder, b"+RESP:GTDAT,060100,356307042441013,," + b"1" * TEXT_MOST, 1000)
    assert any(isinstance(item, DecodeError) for item in items)
    assert decoder.buffered < 1000
    assert isinstance(feed(decoder, REPORT)[-1], Positions)


def test_hex_without_end_is_not_waited_for_beyond_bounds() -> None:
    decoder = named()
    items = feed(decoder, b"+RSP" + b"\x31" * HEX_MOST, 1000)
    assert any(isinstance(item, DecodeError) for item in items)
    assert isinstance(feed(decoder, HEX)[-1], Positions)


def test_an_unusual_end_is_noticed_with_the_next_frame() -> None:
    decoder = named()
    assert feed(decoder, b"+RESP:GTXXX,060100,356307042441013,,oddly$") == []
    assert [type(item) for item in feed(decoder, REPORT)] == [Heartbeat, Positions]


def test_reports_of_unknown_kinds_and_lengths_keep_their_position() -> None:
    """Wherever the block stands, and whatever stands around it."""
    for ahead in range(8):
        for behind in range(8):
            line = b"+RESP:GTQQQ,990100,356307042441013,," + b"x," * ahead + BLOCK
            line += b",y" * behind + b",20250301003017,11F0$"
            (positions,) = feed(named(), line)
            assert isinstance(positions, Positions)
            (fix,) = positions.fixes
            assert (fix.lat, fix.lon, fix.speed_kmh, fix.course_deg) == (22.54, 114.059, 36.5, 90.0)
            assert fix.fix_time == 1_740_789_015.0


def test_every_position_of_a_report_is_found() -> None:
    line = b"+BUFF:GTFRI,1A0900,356307042441013,,0,0,15," + b",".join([BLOCK] * 15)
    (positions,) = feed(named(), line + b",77,20250301003017,11F0$")
    assert isinstance(positions, Positions)
    assert len(positions.fixes) == 15
    assert all(fix.stored for fix in positions.fixes)
    assert positions.fixes[-1].attributes["battery_percent"] == 77


@pytest.mark.parametrize(
    "fields",
    [
        "114.059000,22.540000,2025030100301",
        "114.0590,22.5400,20250301003015",
        "114059000,22540000,20250301003015",
        "1114.059000,22.540000,20250301003015",
        "114.059000,222.540000,20250301003015",
    ],
)
def test_what_has_not_the_shape_of_a_position_is_none(fields: str) -> None:
    assert find_places(fields.split(",")) == []


def test_unanswered_commands_are_bounded_and_the_oldest_are_forgotten() -> None:
    decoder = named()
    feed(decoder, REPORT)
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    for serial, kind in ((1, Notice), (2, Notice), (3, "3")):
        line = f"+ACK:GTRTO,060100,{IDENT},,GPS,{serial:04X},20250301003017,11F0$".encode()
        (item,) = feed(decoder, line)
        assert isinstance(item, kind) if not isinstance(kind, str) else item.reference == 3  # type: ignore[union-attr]


def test_the_password_is_that_of_the_model() -> None:
    decoder = named()
    for version, password in (("1A0102", "gl300"), ("8020040703", "gv58lau"), ("f10413", "gv350m")):
        (item,) = feed(decoder, f"+RESP:GTPNA,{version},{IDENT},,20250301003017,11F0$".encode())
        assert isinstance(item, Alarm)
        frame = decoder.encode(Command(CommandKind.REBOOT, 1))
        assert frame == f"AT+GTRTO={password},3,,,,,,0001$".encode()


def test_alarm_names_are_in_the_table() -> None:
    states = {state.alarm for state in vehicle.STATES.values() if state.alarm}
    assert {*kinds.ALARMS.values(), *kinds.HARSH, *states} <= ALARMS.keys()


@pytest.mark.parametrize("first", [REPORT, HEX, AIR, b"+ACK:GTHBD,1A0401,"])
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    assert FAMILY.probe(b"\xfe\xfd" + first) is Match.YES


def test_a_long_air_frame_is_recognised_by_its_head() -> None:
    head = b"+\x00" + (1000).to_bytes(2, "big") + b"\x00" + bytes.fromhex("0" + IDENT)
    assert FAMILY.probe(head + bytes(200)) is Match.MORE
    assert FAMILY.probe(head + bytes(300)) is Match.YES
    assert FAMILY.probe(head[:-1] + b"\xab" + bytes(300)) is not Match.YES


@pytest.mark.parametrize("head", [b"+RESP:GTFRI,", b"+BUFF:GTFRI,", b"+ACK:GTHBD,"])
def test_a_head_is_recognised_when_it_is_whole(head: bytes) -> None:
    for size in range(len(head)):
        assert FAMILY.probe(head[:size]) is Match.MORE, head[:size]
    assert FAMILY.probe(head) is Match.YES


@pytest.mark.parametrize(
    "data",
    [
        b"+RESP:XXFRI,060100",
        b"+RESQ:GTFRI,060100",
        b"AT+GTRTO=gv300,1,,,,,,FFFF$",
        b"$$A157,356307042441013,AAA,35",
        b"#L#356307042441013;NA\r\n",
        b"\x00\x0f356307042441013",
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO


@pytest.mark.parametrize(
    ("kind", "accuracy", "valid"),
    [("FRI", b"1", True), ("FRI", b"0", True), ("CAN", b"1", True), ("CAN", b"0", False)],
)
def test_a_place_that_is_only_repeated_beside_other_data_is_no_fix(
    kind: str, accuracy: bytes, valid: bool
) -> None:
    block = accuracy + BLOCK[1:]
    heads = {"FRI": b",12500,10,1,", "CAN": b",0,1,C0000001,WVWZZZ1KZAW000001,"}
    report = (
        f"+RESP:GT{kind},310603,356307042441013,".encode()
        + heads[kind]
        + block
        + b",20250301003017,11F0$"
    )
    (positions,) = (m for m in feed(named(), report) if isinstance(m, Positions))
    (fix,) = positions.fixes
    assert fix.valid is valid
    assert (fix.lat, fix.lon) == (22.54, 114.059)
