"""Suntech beyond the transcripts: damage, line ends within data, datagrams, bounds, first bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings

from simulator.model import Fix
from simulator.protocols import suntech as simulated
from tests.unit.protocols.simulated import (
    FIXES,
    HERE,
    Line,
    arrived,
    as_stated,
    close,
    logged_in,
    ordered,
)
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Alarm, Heartbeat, Login, Match, Positions, Reply
from tracker.protocols.suntech import FAMILY, SuntechDecoder, alarms, legacy
from tracker.protocols.suntech.link import CRASH_MOST
from tracker.protocols.suntech.wire import TEXT_MOST
from tracker.protocols.unanswered import UNANSWERED_MOST

REPORT = (
    b"ST300STT;100850000;01;010;20250301;00:30:15;2F100;+22.540000;+114.059000;036.000;090.00;9;1;"
    b"123456;12.60;100000;2;0072;001234;4.1;1\r"
)
MASKED = b"STT;0560001616;01F830;20250301;00:30:15;+22.540000;+114.059000;36.00;90.00;19;1\r"
PLACE = b"\x19\x03\x01\x00\x1e\x0f" + struct.pack(">IIHHBB", 22540000, 114059000, 3600, 9000, 9, 1)
BINARY = b"\x81\x00\x1c\x05\x60\x00\x16\x16\x01\xf8\x30" + PLACE
ZIPPED = bytes.fromhex(
    "020032101008500000" "28013F19030100" "1E0F105129" "16540000" "72059000" "002450005A2589"
    "0001E2400C6015" "020048" "000004D2041001" "03"
)  # fmt: skip
FORMS = pytest.mark.parametrize("sent", [REPORT, MASKED, BINARY, ZIPPED], ids=str)


def serial(data: bytes) -> bytes:
    head = REPORT.replace(b"STT", b"UEX")[: REPORT.index(b"100000;") + len(b"100000;")]
    return head + b"%d;%s;%02X;001234;4.1;1\r" % (len(data), data, sum(data) % 256)


def named(ident: str = "100850000") -> SuntechDecoder:
    return SuntechDecoder(new_session({"ident": ident}))


@FORMS
def test_each_form_says_the_same_place(sent: bytes) -> None:
    login, found = feed(SuntechDecoder(new_session()), sent)
    assert isinstance(login, Login)
    assert isinstance(found, Positions)
    (fix,) = found.fixes
    assert (fix.fix_time, fix.lat, fix.lon, fix.valid) == (1740789015.0, 22.54, 114.059, True)


@FORMS
def test_the_frame_behind_any_damaged_byte_is_found(sent: bytes) -> None:
    """Text may go wrong without a sign of it: there is no checksum."""
    for at in range(len(sent)):
        for value in {0, 2, 0x0D, 0x3B, 0x81, 0xFF, sent[at] ^ 1} - {sent[at]}:
            damaged = sent[:at] + bytes((value,)) + sent[at + 1 :]
            items = feed(named(), damaged + sent + sent)
            assert isinstance(items[-1], Positions), (at, value)


@pytest.mark.parametrize("sent", [REPORT, MASKED], ids=str)
def test_the_frame_behind_a_truncated_one_is_found(sent: bytes) -> None:
    for size in range(1, len(sent)):
        for cut in (sent[:size], sent[size:]):
            assert isinstance(feed(named(), cut + sent)[-1], Positions), (size, cut)


@pytest.mark.parametrize("size", [None, 1, 50])
@pytest.mark.parametrize(
    "data", [b"plain", b"one\r\ntwo\r;three\r\n", b"\r" * 40, bytes(range(1, 128)), b""]
)
def test_data_of_a_serial_port_may_hold_line_ends(data: bytes, size: int | None) -> None:
    items = feed(named(), serial(data) + REPORT, size)
    assert [type(item) for item in items] == [Positions, Positions]
    assert isinstance(items[0], Positions)
    said = items[0].fixes[0].attributes["serial_data"]
    assert said == data.decode().strip()[:128]


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\r\r\n\0"])
def test_what_ends_a_line(end: bytes) -> None:
    decoder = named()
    items = feed(decoder, (REPORT[:-1] + end) * 3)
    assert [type(item) for item in items] == [Positions] * 3
    assert decoder.buffered == 0


def test_datagrams_need_no_line_end() -> None:
    decoder = SuntechDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(REPORT[:-1])
    assert [type(item) for item in drain(decoder)] == [Login, Positions]
    decoder.receive_data(BINARY[:-4])
    assert {type(item) for item in drain(decoder)} == {DecodeError}
    assert decoder.buffered == 0
    decoder.receive_data(ZIPPED)
    assert [type(item) for item in drain(decoder)] == [Positions]


def test_a_line_without_end_is_not_waited_for_beyond_bounds() -> None:
    decoder = named()
    items = feed(decoder, REPORT[:-1] + b";1" * TEXT_MOST, 100)
    assert any(isinstance(item, DecodeError) for item in items)
    assert decoder.buffered < TEXT_MOST
    assert isinstance(feed(decoder, b"\r" + REPORT)[-1], Positions)


def test_a_crash_report_is_bounded_and_begins_with_its_first_part() -> None:
    decoder = named("0910000063")

    def part(number: int, of: int, data: bytes) -> bytes:
        head = f"CRR;0910000063;{number};{of};{len(data):04d};".encode()
        return head + data + b";%02X\r" % (sum(data) % 256)

    assert [type(item) for item in feed(decoder, part(2, 2, bytes(50)))] == [DecodeError]
    for number in range(1, 40):
        feed(decoder, part(number, 200, bytes(900)))
        assert len(decoder.link.crash) <= CRASH_MOST
    place = struct.pack("<iiHH", 22540000, 114059000, 3600, 9000) + bytes(12)
    whole = b"\x19\x03\x01\x00\x1e\x0f" + place * 4
    items = feed(
        decoder, part(1, 3, whole[:10]) + part(2, 3, whole[10:90]) + part(3, 3, whole[90:])
    )
    assert isinstance(items[-1], Alarm)
    assert len(items[-1].attributes["crash_places"]) == 4
    assert decoder.link.crash == b""


def test_unanswered_commands_are_bounded_and_matched_by_their_word() -> None:
    decoder = named()
    feed(decoder, REPORT)
    for reference in range(1, 4 * UNANSWERED_MOST):
        decoder.encode(Command(CommandKind.REBOOT, reference))
    decoder.encode(Command(CommandKind.ENGINE_CUT, 900))
    (cut,) = feed(decoder, b"ST300CMD;Res;100850000;010;Enable1\r")
    (reboot,) = feed(decoder, b"ST300CMD;Res;100850000;010;Reboot\r")
    assert isinstance(cut, Reply)
    assert isinstance(reboot, Reply)
    assert cut.reference == 900
    assert reboot.reference == 3 * UNANSWERED_MOST + 1


def test_commands_are_in_the_form_in_which_the_device_spoke_last() -> None:
    decoder = named()
    locate = Command(CommandKind.LOCATE, 1)
    feed(decoder, REPORT)
    assert decoder.encode(locate) == b"ST300CMD;100850000;02;StatusReq\r"
    feed(decoder, b"SA200ALV;317652\r")
    assert decoder.encode(locate) == b"SA200CMD;317652;02;StatusReq\r"
    feed(decoder, MASKED)
    assert decoder.encode(locate) == b"CMD;0560001616;03;01\r"


def test_alarm_names_are_in_the_table() -> None:
    for table in (alarms.EMERGENCIES, alarms.ALERTS, legacy.SHORT_ALARMS):
        assert set(table.values()) <= ALARMS.keys()


@pytest.mark.parametrize(
    "first",
    [
        REPORT,
        MASKED,
        BINARY,
        ZIPPED,
        b"SA200ALV;317652\r",
        b"ST910;Location;485195;528;20250301;00:30:15;",
        b"ST300CMD;Res;100850000;010;Preset;NTW;0;internet\r",
        b"CRR;0910000063;1;1;0150;",
    ],
    ids=str,
)
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    assert FAMILY.probe(b"\r\n" + first) is Match.YES
    decided = [FAMILY.probe(first[:size]) for size in range(len(first) + 1)]
    assert Match.NO not in decided
    assert decided == sorted(decided, key=[Match.MORE, Match.YES].index)


def test_a_damaged_first_frame_does_not_cost_the_connection() -> None:
    assert FAMILY.probe(b"ST3x0" + REPORT[5:] + REPORT) is Match.YES
    assert FAMILY.probe(BINARY[:-1] + b"\xff" * 3 + BINARY) is Match.YES


@pytest.mark.parametrize(
    "data",
    [
        b"STAR;1;2;3",
        b"STATUS 100850000",
        b"ST300STT,100850000,01",
        b"ALT 22.54 114.059\r\n",
        b"\x02\x00\x2f\x99\x10\x08",
        b"\x81\x7e\x01\x02hello, a WebSocket",
        b"$GPRMC,003015.00,A,",
        b"*HQ,1234567890,V1,003015,A,",
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO


def test_a_simulated_device() -> None:
    line = Line(simulated.FAMILY)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login, Heartbeat]
    (live,) = line.fixes(line.terminal.position(HERE).data)
    (stored,) = line.fixes(line.terminal.backlog([HERE]).data)
    assert close(as_stated(live), simulated.FAMILY.stated(HERE))
    assert (live.stored, stored.stored, live.ignition) == (False, True, True)
    assert line.kinds == []


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    arrived(simulated.FAMILY, fix)


@pytest.mark.parametrize("kind", [kind for kind in SuntechDecoder.COMMANDS if kind != "interval"])
def test_commands_find_their_answers(kind: CommandKind) -> None:
    line = logged_in(simulated.FAMILY)
    line.carry(line.terminal.position(HERE).data)
    ordered(line, kind, "ST300CMD;{id};02;Preset")


def test_a_run_time_that_no_column_holds_is_left_out() -> None:
    endless = REPORT.replace(b";001234;", b";" + b"9" * 30 + b";")
    for sent, kept in ((REPORT, 1234), (endless, None)):
        (found,) = (m for m in feed(named(), sent) if isinstance(m, Positions))
        assert found.fixes[0].attributes.get("engine_minutes") == kept
