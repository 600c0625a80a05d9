"""The receive buffer: order, search, and what a search must not cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.protocols.buffer import ReceiveBuffer


def test_bytes_leave_in_the_order_in_which_they_came() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"abc")
    buffer.feed(b"def")
    assert buffer.take(2) == b"ab"
    buffer.drop(1)
    assert (len(buffer), bytes(buffer.data)) == (3, b"def")


@given(st.binary(max_size=60), st.sampled_from([b"\r", b"\r\n", b"aba"]), st.data())
def test_finding_is_the_same_in_any_cut(content: bytes, mark: bytes, data: st.DataObject) -> None:
    content = content.replace(b"\x00", b"\r").replace(b"\x01", b"\n").replace(b"\x02", b"a")
    buffer = ReceiveBuffer()
    fed = 0
    while fed < len(content):
        size = data.draw(st.integers(1, 7))
        buffer.feed(content[fed : fed + size])
        fed += size
        assert buffer.find(mark) == content[:fed].find(mark)


def test_another_mark_is_searched_from_the_start() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"#one\n")
    assert buffer.find(b"*") == -1
    assert buffer.find(b"\n") == 4
    buffer.feed(b"*")
    assert buffer.find(b"*", 2) == 5


class CountingBytes(bytearray):
    """Counts the bytes that searches look at."""

    looked_at = 0

    def find(self, sub: bytes, start: int = 0, *rest: int) -> int:  # type: ignore[override]
        self.looked_at += len(self) - start
        return super().find(sub, start, *rest)


def test_a_frame_that_comes_byte_by_byte_is_looked_at_once() -> None:
    buffer = ReceiveBuffer()
    buffer.data = counting = CountingBytes()
    for _ in range(2000):
        buffer.feed(b"x")
        assert buffer.find(b"\r\n") == -1
    assert counting.looked_at <= 2 * 2000
