"""Bytes as they come, cut into lines; a line that is too long is passed over, not kept."""

from __future__ import annotations

from collections import deque

SKIP_MOST = 16 << 20  # bytes of one line: whoever says more without an end means no lines


class Lines:
    """Feed it, and take lines without their end from it; None stands for one that was too long.

    At most one line and what was fed last is kept.
    """

    __slots__ = ("_lines", "_most", "_rest", "_skipped")

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self._skipped = 0
        self._lines: deque[bytes | None] = deque()

    def feed(self, data: bytes) -> None:
        """Take bytes in any cut."""
        if self._skipped:
            end = data.find(b"\n")
            if end < 0:
                self._skipped += len(data)
                return
            self._skipped = 0
            data = data[end + 1 :]
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        self._lines += [line if len(line) <= self._most else None for line in lines]
        if len(self._rest) > self._most:
            self._skipped = len(self._rest)
            self._rest = b""
            self._lines.append(None)

    def end(self) -> None:
        """No more comes: what has no end of line is a line too."""
        if self._rest:
            self._lines.append(self._rest)
            self._rest = b""

    def __len__(self) -> int:
        """Whole lines."""
        return len(self._lines)

    def pop(self) -> bytes | None:
        """The next of them."""
        return self._lines.popleft()

    @property
    def endless(self) -> bool:
        """Whether a line is longer than anybody's patience."""
        return self._skipped > SKIP_MOST
