"""OsmAnd's requests, character for character, and answers in any cut."""

from __future__ import annotations

import pytest

from simulator.model import Stated
from simulator.protocols.base import Answer, AnswerKind, Frame
from simulator.protocols.osmand import FAMILY, HEAD_MOST, OsmandTerminal

from .protocol_cases import SOUTH_WEST, three_ways

IDENT = "359099000000025"
STORED = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
UNREAD = b'HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\n{"a":1}'
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def terminal() -> OsmandTerminal:
    return OsmandTerminal(IDENT, {})


def kinds(answers: list[Answer]) -> list[tuple[AnswerKind, int]]:
    return [(answer.kind, answer.serial) for answer in answers]


def test_requests() -> None:
    one = terminal()
    assert FAMILY.ident(2) == IDENT
    assert one.hello() == f"GET /?id={IDENT}&batt=95 HTTP/1.1\r\nHost: tracker\r\n\r\n".encode()
    said = (
        "timestamp=1775369228000&lat=-33.456789&lon=-70.648765&speed=87.60&speed_unit=kmh"
        "&bearing=271.40&altitude=567.0&sat=11&ignition=true&batt=95"
    )
    request = f"GET /?id={IDENT}&{said} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode()
    assert one.position(SOUTH_WEST) == Frame(request, 1, 1)
    assert one.heartbeat(SOUTH_WEST).startswith(f"GET /?id={IDENT}&batt=95&ignition=true ".encode())


def test_what_a_request_states() -> None:
    expected = Stated(1_775_369_228_000, -33_456_789, -70_648_765, 876, 2714)
    assert FAMILY.stated(SOUTH_WEST) == expected


def test_answers_are_in_the_order_of_the_requests() -> None:
    one = terminal()
    one.hello()
    one.position(SOUTH_WEST)
    one.heartbeat(None)
    one.position(SOUTH_WEST)
    assert kinds(one.receive(STORED * 3 + UNREAD)) == [
        (AnswerKind.ACCEPTED, -1),
        (AnswerKind.ACKNOWLEDGED, 1),
        (AnswerKind.BEAT, -1),
        (AnswerKind.REJECTED, 2),
    ]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (STORED, AnswerKind.ACCEPTED),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + STORED, AnswerKind.ACCEPTED),
        (FORBIDDEN, AnswerKind.REFUSED),
        (UNREAD, AnswerKind.DAMAGED),
        (b"SSH-2.0-OpenSSH\r\n\r\n", AnswerKind.DAMAGED),
    ],
)
def test_answers_in_any_cut(data: bytes, kind: AnswerKind) -> None:
    def asked() -> OsmandTerminal:
        one = terminal()
        one.hello()
        return one

    for answers in three_ways(asked, data):
        assert [answer.kind for answer in answers] == [kind]


def test_an_answer_to_nothing_acknowledges_nothing() -> None:
    assert kinds(terminal().receive(STORED)) == [(AnswerKind.DAMAGED, -1)]


def test_a_head_without_end_is_given_up() -> None:
    one = terminal()
    one.hello()
    assert not one.receive(b"x" * HEAD_MOST)
    assert kinds(one.receive(b"x")) == [(AnswerKind.DAMAGED, -1)]
    assert kinds(one.receive(STORED)) == [(AnswerKind.ACCEPTED, -1)]
