"""What every text protocol must bear: damage, cuts, datagrams, strangers on its port."""

from __future__ import annotations

from tests.unit.protocols.transcripts import Item, feed, new_session
from tracker.errors import DecodeError
from tracker.protocols.base import Family, Login, Match, Positions
from tracker.protocols.detect import detect

# A damaged byte becomes each of these: marks of several protocols, digits, letters, controls.
VALUES = b"\x00\x0a\x20#$()*,0;A[]\x7f\xff"


def kinds(items: list[Item]) -> list[str]:
    """Types of messages and kinds of errors, in order."""
    return [item.kind if isinstance(item, DecodeError) else type(item).__name__ for item in items]


def positions(items: list[Item]) -> list[Positions]:
    """The positions among what came out."""
    return [item for item in items if isinstance(item, Positions)]


def check_damage(family: Family, frame: bytes, good: bytes) -> None:
    """Behind a frame with any byte damaged, a good one comes out, and the decoder waits for no
    more. `good` is a frame whose position no damaged `frame` has.
    """
    (expected,) = positions(feed(family.decoder(new_session()), good))
    for at in range(len(frame)):
        for value in VALUES:
            decoder = family.decoder(new_session())
            damaged = frame[:at] + bytes((value,)) + frame[at + 1 :]
            found = positions(feed(decoder, damaged + good + good))
            assert expected in found, (at, value, damaged)
            assert decoder.buffered == 0, (at, value, damaged)


def check_truncation(family: Family, frame: bytes, good: bytes) -> None:
    """Behind the beginning or the end of a frame, good ones come out."""
    (expected,) = positions(feed(family.decoder(new_session()), good))
    for size in range(1, len(frame)):
        for part in (frame[:size], frame[size:]):
            found = positions(feed(family.decoder(new_session()), part + good + good))
            assert expected in found, part


def check_datagrams(family: Family, frame: bytes, other: bytes) -> None:
    """With option `udp` a datagram is whole by itself: half a frame is an error at once, and
    joins nothing.
    """
    decoder = family.decoder(new_session({"options": {"udp": True}}))
    assert len(positions(feed(decoder, frame))) == 1
    half = feed(decoder, frame[: len(frame) // 2])
    assert not positions(half)
    assert decoder.buffered == 0
    assert len(positions(feed(decoder, other))) == 1
    assert len(positions(feed(decoder, frame + other))) == 2


def check_probe(family: Family, frame: bytes, *, sure_behind: int | None = None) -> None:
    """Byte by byte: open until it is decided, and then decided for good."""
    verdicts = [family.probe(frame[:size]) for size in range(len(frame) + 1)]
    sure = verdicts.index(Match.YES)
    assert verdicts == [Match.MORE] * sure + [Match.YES] * (len(verdicts) - sure)
    if sure_behind is not None:
        assert sure == sure_behind
    assert detect(frame) is family


def check_first_damaged(family: Family, frame: bytes) -> None:
    """A frame that decides does so behind another one that was damaged behind its mark."""
    damaged = frame[:12] + b"\x01" + frame[13:]
    assert family.probe(damaged + frame) is Match.YES


def login_of(items: list[Item]) -> str:
    """The identity in the only login."""
    (login,) = [item for item in items if isinstance(item, Login)]
    return login.ident
