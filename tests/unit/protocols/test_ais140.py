"""AIS-140: what transcripts do not show: damage, datagrams, first bytes, and a simulated device."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.ais140 import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, as_stated, close
from tests.unit.protocols.text_damage import kinds, positions
from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import DecodeError
from tracker.protocols.ais140 import FAMILY
from tracker.protocols.ais140.wire import FRAME_MOST
from tracker.protocols.base import Login, Match, Message
from tracker.protocols.detect import detect

IMEI = "356307042441013"
REPORT = (
    f"$,NRM,MAKER,1.2.3,NR,01,L,{IMEI},KA01AB1234,1,01032025,003015,22.540000,N,114.059000,E,36.5,"
    "90.25,9,50.0,1.2,0.8,Airtel,1,1,12.5,4.1,0,C,22,404,45,249A,1420,1010,01,000123,A1B2*"
).encode()
OTHER = REPORT.replace(b"003015", b"003025")


def test_the_frame_behind_any_damaged_byte_is_found() -> None:
    (expected,) = positions(feed(FAMILY.decoder(new_session()), OTHER))
    for at in range(len(REPORT)):
        for value in b"\0\n$*,0A\xff":
            damaged = REPORT[:at] + bytes((value,)) + REPORT[at + 1 :]
            decoder = FAMILY.decoder(new_session())
            found = positions(feed(decoder, damaged + OTHER + b"\r\n" + OTHER + b"\r\n"))
            assert expected in found, (at, value)
            assert decoder.buffered == 0, (at, value)


def test_the_frame_behind_a_truncated_one_is_found() -> None:
    (expected,) = positions(feed(FAMILY.decoder(new_session()), OTHER))
    for size in range(1, len(REPORT)):
        for piece in (REPORT[:size], REPORT[size:]):
            assert expected in positions(feed(FAMILY.decoder(new_session()), piece + OTHER))


def test_a_frame_without_an_end_is_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, REPORT[:-1] + b"0" * 8192, 1000)
    assert decoder.buffered <= FRAME_MOST


def test_one_datagram_at_a_time() -> None:
    decoder = FAMILY.decoder(new_session({"options": {"udp": True}}))
    assert kinds(feed(decoder, REPORT)) == ["Login", "Positions"]
    assert kinds(feed(decoder, REPORT[:-1])) == ["length"]
    assert decoder.buffered == 0
    assert kinds(feed(decoder, OTHER + b"\r\n")) == ["Positions"]


@settings(max_examples=300, deadline=None)
@given(
    fields=st.lists(
        st.sampled_from(
            [
                IMEI,
                "NRM",
                "EPB",
                "EMR",
                "LGN",
                "NM",
                "H",
                "NR",
                "01032025",
                "003015",
                "1",
                "22.54",
                "N",
                "S",
                "114.05",
                "E",
                "9",
                "",
                "x",
                "2222",
                "11",
                "FFFF",
                "99999999999999",
            ]
        ),
        max_size=45,
    )
)
def test_frames_of_any_fields(fields: list[str]) -> None:
    """Whatever stands between the commas."""
    decoder = FAMILY.decoder(new_session())
    for item in feed(decoder, ("$," + ",".join(fields) + "*").encode()):
        assert isinstance(item, Message | DecodeError)
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert -180 <= fix.lon <= 180


def test_the_head_and_the_imei_decide() -> None:
    for size in range(1, REPORT.index(IMEI.encode())):
        assert FAMILY.probe(REPORT[:size]) is Match.MORE
    assert detect(REPORT) is FAMILY
    assert detect(b"\r\n" + REPORT) is FAMILY
    assert FAMILY.probe(REPORT[20:] + REPORT) is Match.YES


@pytest.mark.parametrize(
    "data",
    [
        b"$GPRMC,003015.00,A,2232.400,N,11403.540,E,019.7,090.0,010325,,,A*5A\r\n",
        b"$PVTID,356307042441013*7F\r\n",
        b"$$A121,356307042441013,AAA,35,22.54,114.05*",
        b"$MGV002,356307042441013,DeviceName,R,240214,104742,A,22.38,N,114.05,E*",
    ],
)
def test_other_texts_with_a_dollar_are_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    terminal = SIMULATED.terminal(SIMULATED.ident(1), {})
    decoder = FAMILY.decoder(new_session())
    (login,) = feed(decoder, terminal.hello())
    assert isinstance(login, Login)
    assert [one.kind.value for one in terminal.receive(login.answer)] == ["accepted"]
    for frame, stored in ((terminal.position(fix), False), (terminal.backlog([fix]), True)):
        (found,) = positions(feed(decoder, frame.data))
        assert found.fixes[0].stored is stored
        assert found.fixes[0].ignition is fix.ignition
        assert close(as_stated(found.fixes[0]), SIMULATED.stated(fix))
    (beat,) = feed(decoder, terminal.heartbeat(fix))
    assert isinstance(beat, Message)
    assert [one.kind.value for one in terminal.receive(beat.answer)] == [
        "beat",
        "acknowledged",
        "acknowledged",
    ]


def test_a_fix_flag_without_coordinates_is_no_position() -> None:
    empty = REPORT.replace(b"22.540000,N,114.059000,E", b",,,")
    assert positions(feed(FAMILY.decoder(new_session()), empty)) == []


def test_a_number_of_an_alert_that_no_column_holds_is_left_out() -> None:
    endless = REPORT.replace(b"NR,01,", b"NR," + b"9" * 30 + b",")
    (found,) = positions(feed(FAMILY.decoder(new_session()), endless))
    assert "alert_id" not in found.fixes[0].attributes
