"""The state of one JT/T 808 connection: our serial numbers, unanswered commands, login."""

from __future__ import annotations

import hashlib
import hmac
import struct

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.jt808.outbound import Outbound
from tracker.protocols.jt808.splits import Splits
from tracker.protocols.jt808.wire import Frame, Head, identity, pack
from tracker.protocols.unanswered import Numbered

GENERAL_ANSWER = 0x8001
OK, FAILED, BAD_MESSAGE = 0, 1, 2  # results in a general answer
_general_answer = struct.Struct(">HHB").pack

# Commands sent and not answered yet: a terminal that never answers must not fill memory.
UNANSWERED_MOST = 64

# Hex digits of an authentication code. As many as a phone number has, which every terminal can
# store; 48 bits are enough for a code that travels in the clear.
CODE_DIGITS = 12

GMT8_S = 8 * 3600  # the standard's clock, in every country


class Link:
    """What one connection knows beyond its Session."""

    __slots__ = (
        "_head",
        "_ident",
        "_unanswered",
        "authentic",
        "head",
        "outbound",
        "serial",
        "session",
        "splits",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        self.head: Head | None = None  # of the last message
        self.serial = 0  # of the next message that we send
        self.authentic: str | None = None  # the identity that has shown its code
        self.splits = Splits()
        self.outbound = Outbound()
        self._head: Head | None = None
        self._ident = ""
        self._unanswered = Numbered(UNANSWERED_MOST)

    def ident(self, head: Head) -> str:
        """The identity in a header; worked out once as long as it stays the same."""
        if head != self._head:
            self._head, self._ident = head, identity(head)
        return self._ident

    @property
    def offset_s(self) -> int:
        """Offset of the terminal's clock from UTC."""
        stated = self.session.utc_offset_s
        return GMT8_S if stated is None else stated

    def send(self, head: Head, message: int, body: bytes = b"") -> bytes:
        """A message with the next serial number."""
        serial = self.serial
        self.serial = (serial + 1) & 0xFFFF
        return pack(head, message, serial, body)

    def answer(self, frame: Frame, result: int = OK) -> bytes:
        """8001: serial u16 and id u16 of the answered message, result u8."""
        body = _general_answer(frame.serial, frame.message, result)
        return self.send(frame.head, GENERAL_ANSWER, body)

    def refusal(self, frame: Frame) -> bytes:
        """8001 with "failed", to be sent in place of the real answer: it has the same serial."""
        body = _general_answer(frame.serial, frame.message, FAILED)
        return pack(frame.head, GENERAL_ANSWER, self.serial, body)

    def code(self, ident: str) -> str:
        """The authentication code of an identity: the same on every node and after every start."""
        digest = hmac.new(self.session.auth_key, b"jt808:" + ident.encode(), hashlib.sha256)
        return digest.hexdigest()[:CODE_DIGITS]

    def order(self, command: Command, message: int, body: bytes = b"") -> bytes:
        """The message of a command, in packets where it is long; the serial of the last one is
        remembered until the terminal answers it.
        """
        if self.head is None:
            raise CommandError("jt808: the terminal has not been heard yet")
        packets = self.outbound.cut(self.head, message, self.serial, body)
        last = (self.serial + len(packets) - 1) & 0xFFFF
        self._unanswered.ask(last, command.reference)
        self.serial = (last + 1) & 0xFFFF
        return b"".join(packets)

    def answered(self, serial: int, *, for_good: bool = True) -> int | None:
        """The reference of the command that had this serial; see Numbered.whose."""
        return self._unanswered.whose(serial, for_good=for_good)
