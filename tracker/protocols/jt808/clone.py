"""The frames of clones of JT/T 808 that use other marks: E7 in place of 7E, and a longer identity.

    E7 | header | body | XOR of header and body | E7

Inside, E6 is written E6 01, E7 E6 02, 3E 3E 01 and 3D 3E 02. The identity has seven bytes of BCD in
place of six; all else is as in 2013. Source: docs/protocols/jt808.md.
"""

from __future__ import annotations

import re

CLONE_MARK = b"\xe7"
CLONE_PHONE = 7  # bytes of the identity, by which an answer knows which marks to use

_PLAIN = {b"\xe6\x01": b"\xe6", b"\xe6\x02": b"\xe7", b"\x3e\x01": b"\x3e", b"\x3e\x02": b"\x3d"}
_ESCAPED = {plain: escaped for escaped, plain in _PLAIN.items()}
_PAIRS = re.compile(rb"[\xe6\x3e][\x01\x02]")
_SPECIAL = re.compile(rb"[\xe6\xe7\x3d\x3e]")


def unescape(content: bytes) -> bytes:
    """What stands between two marks, as it was before escaping."""
    return _PAIRS.sub(lambda found: _PLAIN[found[0]], content)


def escape(content: bytes) -> bytes:
    """Content that may stand between two marks."""
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], content)
