"""Frames of the 0x55 profile, and the state of one connection that speaks it.

55 | address | command | N | payload of N bytes | XOR of all bytes before
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tracker.model import Command
from tracker.protocols.base import Message, Reply, Session
from tracker.protocols.checks import xor8
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.unanswered import ByKind

START = 0x55
HEADER = 4  # start, address, command, N
POINT = 20  # bytes of one position
BATCH_MOST = 12  # positions of one batch: 13 would not fit into N
LOGIN = 0x03
ACK = 0x81
ANSWER_BIT = 0x80

# Results in an acknowledgement. A bad checksum is never answered.
OK, NOT_LOGGED_IN, BAD_LENGTH, UNKNOWN_COMMAND = 0, 2, 3, 4

# The rest of a frame follows at once on a serial line; one that takes longer was cut off.
PATIENCE_S = 2.0

SANE: Mapping[int, Callable[[int], bool]] = {
    0x01: lambda n: n == POINT or n >= POINT + 2,
    0x02: lambda n: n in (0, 2),
    0x03: lambda n: n >= 1,
    0x04: lambda n: n % POINT == 1 and 1 <= n // POINT <= BATCH_MOST,
    0x05: lambda n: n == 1 + POINT or n >= 1 + POINT + 2,
    0x06: lambda n: n >= 0,
    0x07: lambda n: n == 0,
    ACK: lambda n: n == 2,
    **dict.fromkeys(range(0x90, 0x96), lambda n: n == 1),
}


class Frame(NamedTuple):
    """One frame, taken apart."""

    address: int
    command: int
    payload: bytes


def pack(address: int, command: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    head = bytes((START, address, command, len(payload))) + payload
    return head + bytes((xor8(head),))


def any_size(data: Bytes, at: int) -> int:
    """Size of a frame with any command: what is believed while nothing was skipped."""
    if len(data) < at + HEADER:
        return MORE
    return HEADER + data[at + 3] + 1


def sane_size(data: Bytes, at: int) -> int:
    """Size of a frame with a known command and a length that this command can have.

    One byte of mark and one of checksum are weak evidence, so this is asked wherever the start
    of a frame is searched for.
    """
    if len(data) < at + 3:
        return MORE
    sane = SANE.get(data[at + 2])
    if sane is None:
        return NEVER
    if len(data) < at + HEADER:
        return MORE
    count = data[at + 3]
    return HEADER + count + 1 if sane(count) else NEVER


def fault(frame: bytes) -> str:
    """The XOR over a whole frame, checksum included, is 0."""
    return "checksum" if xor8(frame) else ""


FRAMING = Framing(re.compile(b"\x55"), sane_size, fault, PATIENCE_S)


class Link:
    """What one connection knows: who its addresses are, and which commands are unanswered."""

    __slots__ = ("_echo", "_known", "address", "asked", "idents", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.address = 1  # the last one heard; 1 is what a lone device uses
        configured = session.options.get("frame55_addresses") or {}
        self.idents = {int(address): str(ident) for address, ident in configured.items()}
        self._known = session.ident
        self._echo = session.options.get("frame55_ack") == "echo"
        self.asked = ByKind[int](session)  # by code

    def ident(self, address: int) -> str | None:
        """Who an address is; None before its login."""
        return self.idents.get(address, self._known)

    def bind(self, address: int, ident: str) -> None:
        """From now on this address is this device."""
        self.idents[address] = ident
        self.session.ident = ident

    def ack(self, frame: Frame, result: int = OK) -> bytes:
        """The acknowledgement of a frame, in the style that the listener is set to."""
        if self._echo:
            return pack(frame.address, frame.command | ANSWER_BIT, bytes((result,)))
        return pack(frame.address, ACK, bytes((frame.command, result)))

    def order(self, command: Command, code: int, payload: bytes = b"") -> bytes:
        """The frame of a command; its reference is remembered until the device answers."""
        self.asked.ask(code, command.reference)
        return pack(self.address, code, payload)

    def reply(self, code: int, result: int) -> Message:
        """The device's answer to the oldest unanswered command of this code."""
        return Reply(
            reference=self.asked.answered(code),
            success=result == OK,
            text="" if result == OK else f"result {result}",
        )
