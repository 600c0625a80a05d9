"""GT06 beyond its transcripts: the table of layouts, and identities in reports."""

from __future__ import annotations

import pytest

from tests.unit.protocols.transcripts import feed, new_session
from tracker.protocols.base import Login, Positions
from tracker.protocols.gt06 import Gt06Decoder
from tracker.protocols.gt06.decoder import HANDLERS
from tracker.protocols.gt06.layouts import ALARMS, BY_LENGTH, POSITIONS, STATUSES
from tracker.protocols.gt06.messages import zone_s
from tracker.protocols.gt06.report import read
from tracker.protocols.gt06.wire import OVERHEAD, pack

PLACE = bytes.fromhex("190301001E0FC9026B14600C3CB95824145A")


@pytest.mark.parametrize(("kind", "size"), BY_LENGTH, ids=lambda number: f"{number:02x}")
def test_layouts_fit_into_the_lengths_they_are_for(kind: int, size: int) -> None:
    """A layout that needs more than its length states would refuse every such frame."""
    report = read(BY_LENGTH[kind, size], bytes(size - OVERHEAD))
    assert report.fix(0) is None


def test_every_layout_belongs_to_a_kind_that_is_handled() -> None:
    kinds = {kind for kind, _ in BY_LENGTH} | POSITIONS.keys() | ALARMS.keys() | STATUSES.keys()
    assert kinds <= HANDLERS.keys()


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        (0x3200, 8 * 3600),
        (0x3208, -8 * 3600),
        (0x4DD8, -(12 * 3600 + 45 * 60)),
        (0x2261, 5 * 3600 + 50 * 60),
        (0x0001, 0),
        (0xFFF0, 0),  # 40:95 is nowhere
        (0x0600, 0),  # 0:96 is nowhere
    ],
)
def test_zones_of_a_login(word: int, seconds: int) -> None:
    assert zone_s(word) == seconds


def test_a_report_with_an_identity_counts_by_the_record_of_that_device() -> None:
    """Its Login comes out before the report is worked out."""
    session = new_session()
    decoder = Gt06Decoder(session)
    decoder.receive_data(pack(0x61, bytes.fromhex("0356307042441013") + PLACE, 1))
    assert decoder.next_message() == Login(ident="356307042441013")
    session.utc_offset_s = 3600
    positions = decoder.next_message()
    assert isinstance(positions, Positions)
    assert positions.fixes[0].fix_time == 1_740_789_015 - 3600


def test_reports_of_the_named_device_are_no_new_login() -> None:
    decoder = Gt06Decoder(new_session())
    frame = pack(0x61, bytes.fromhex("0356307042441013") + PLACE, 1)
    assert [type(item) for item in feed(decoder, frame + frame)] == [Login, Positions, Positions]


def test_a_session_that_is_named_already_needs_no_login() -> None:
    """As for datagrams, where the device is known from the one before."""
    decoder = Gt06Decoder(new_session({"ident": "356307042441013"}))
    assert [type(item) for item in feed(decoder, pack(0x10, PLACE, 1))] == [Positions]
