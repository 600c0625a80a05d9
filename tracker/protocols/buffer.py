"""The bytes of a connection that no frame has claimed yet.

Bytes are added at the end and dropped from the front; both are cheap, because a bytearray that
loses its front only moves its start. A search remembers how far it came, so that a frame which
arrives byte by byte is not searched from its beginning with every byte.
"""

from __future__ import annotations


class ReceiveBuffer:
    """A queue of bytes whose content may be looked at in place, as `data`."""

    __slots__ = ("_mark", "_searched", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._mark = b""
        self._searched = 0

    def __len__(self) -> int:
        return len(self.data)

    def feed(self, data: bytes) -> None:
        """Add bytes at the end."""
        self.data += data

    def drop(self, count: int) -> None:
        """Forget the first `count` bytes."""
        del self.data[:count]
        self._searched = 0

    def take(self, count: int) -> bytes:
        """Hand out and forget the first `count` bytes."""
        taken = bytes(self.data[:count])
        self.drop(count)
        return taken

    def find(self, mark: bytes, start: int = 0) -> int:
        """Where `mark` next occurs at or behind `start`, -1 if nowhere yet."""
        if mark != self._mark:
            self._mark = mark
            self._searched = 0
        found = self.data.find(mark, max(start, self._searched))
        if found < 0:
            # A mark of several bytes may still be completed by what comes next.
            self._searched = max(0, len(self.data) - len(mark) + 1)
        return found
