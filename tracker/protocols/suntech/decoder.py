"""The decoder of one connection that speaks one of Suntech's forms."""

from __future__ import annotations

import re
from typing import ClassVar

from tracker.errors import DecodeError
from tracker.protocols.base import Family
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.suntech import commands, messages
from tracker.protocols.suntech.link import Link
from tracker.protocols.suntech.wire import BINARY, FRAMING, ZIP, probe
from tracker.protocols.textframes import TextDecoder

MODEL = re.compile(r"(S[TA]\d{3,4})([A-Z]{3})?", re.ASCII)
IDENT = re.compile(r"\d{5,15}", re.ASCII)
FIELDS_LEAST = 2  # head and identity


class SuntechDecoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/suntech.md."""

    name = "suntech"
    framing = FRAMING
    datagram_end: ClassVar[bytes] = b"\r"
    link_type = Link
    COMMANDS = commands.COMMANDS

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame, behind the Login of the identity that it states, if it is new."""
        if frame[0] == ZIP or frame[0] in BINARY:
            self.link.universal = frame[0] in BINARY
            if not self.link.universal:
                self.link.model = self.link.model or "ST300"
            ident = messages.binary_ident(frame)
            return after_login(self.session, ident, lambda: messages.binary(self.link, frame))
        fields = frame[:-1].decode("utf-8", "replace").split(";")
        found = MODEL.fullmatch(fields[0])
        if found is None:
            return self._universal(frame, fields)
        self.link.model, self.link.universal = found[1], False
        return self._legacy(frame, fields, found[2])

    def _universal(self, frame: bytes, fields: list[str]) -> Outcome:
        kind, ident = fields[0], self._ident(fields[1:], frame)
        self.link.universal = True
        if kind == "CRR":
            return after_login(self.session, ident, lambda: messages.crashed(self.link, frame))
        reader = messages.UNIVERSAL.get(kind)
        rest = fields[FIELDS_LEAST:]
        return after_login(
            self.session,
            ident,
            lambda: reader(self.link, kind, rest) if reader else messages.unknown(kind, rest),
        )

    def _legacy(self, frame: bytes, fields: list[str], kind: str | None) -> Outcome:
        rest = fields[1:]
        answered = bool(rest) and rest[0] == "Res"
        short = kind is None
        if answered or short:
            rest = rest[1:]
        ident = self._ident(rest, frame)

        def finish() -> Outcome:
            if answered:
                return messages.response(self.link, fields[0], rest[1:])
            if short:
                return messages.short(self.link, fields[1], rest[1:])
            if kind == "UEX":
                return messages.serial(self.link, frame, kind)
            reader = messages.LEGACY.get(kind or "")
            if reader is None:
                return messages.unknown(fields[0], rest[1:])
            return reader(self.link, kind or "", rest[1:])

        return after_login(self.session, ident, finish)

    def _ident(self, fields: list[str], frame: bytes) -> str:
        """The identity at the front of the fields. Raises DecodeError for anything else."""
        if not fields or not IDENT.fullmatch(fields[0]):
            raise DecodeError("field", f"{self.name}: no identity", frame)
        return fields[0]


FAMILY = Family(
    name="suntech",
    title="Suntech (ST, SA; legacy and universal)",
    probe=probe,
    decoder=SuntechDecoder,
    # A parked device sends a status every few minutes up to an hour, and a keep-alive in between
    # where it is set up for it.
    heartbeat_s=600.0,
)
