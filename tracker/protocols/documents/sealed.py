"""Encrypted messages of OwnTracks, opened by the secret that app and server share.

    {"_type": "encrypted", "data": base64 of nonce[24] MAC[16] ciphertext}

libsodium's secretbox (XSalsa20-Poly1305). The key is the passphrase in UTF-8, filled up with zeros
to 32 bytes; what is inside is the JSON of a message. Source: the OwnTracks booklet, "Encryption".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from tracker.errors import DecodeError
from tracker.protocols.documents.owntracks import BASE

KIND = "encrypted"  # of `_type`


class Secrets:
    """The secrets of users or single devices, by `user/device` or `user`."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._boxes = {name: SecretBox(key_of(secret)) for name, secret in secrets.items()}

    def open(self, record: Mapping[str, Any], ident: str) -> Mapping[str, Any]:
        """The message inside. Raises DecodeError of kind `encrypted`."""
        box = self._box(ident)
        if box is None:
            raise DecodeError(KIND, f"owntracks: no secret for {ident[:60]}")
        data = record.get("data")
        try:
            plain = box.decrypt(base64.b64decode(str(data), validate=True))
            inside = orjson.loads(plain)
        except (binascii.Error, CryptoError, ValueError):
            raise DecodeError(
                KIND, f"owntracks: the secret for {ident[:60]} does not open this"
            ) from None
        if not isinstance(inside, dict) or inside.get("_type") == KIND:
            raise DecodeError(KIND, "owntracks: no message inside")
        return inside

    def _box(self, ident: str) -> SecretBox | None:
        name = ident.removeprefix(f"{BASE}/")
        return self._boxes.get(name) or self._boxes.get(name.partition("/")[0])


def key_of(secret: str) -> bytes:
    """The key that a passphrase stands for. Raises ValueError for one of more than 32 bytes."""
    key = secret.encode()
    if not 1 <= len(key) <= SecretBox.KEY_SIZE:
        raise ValueError(f"a secret has 1 to {SecretBox.KEY_SIZE} bytes")
    return key.ljust(SecretBox.KEY_SIZE, b"\0")
