"""What commands and a listener's options must be, whatever protocol carries them; and whose answer
a number is.
"""

from __future__ import annotations

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import NOBODYS, Session


def interval_s(command: Command, greatest: int) -> int:
    """The parameter `seconds`: a whole number from 1 to `greatest`."""
    seconds = command.parameters.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise CommandError("seconds must be a whole number", value=seconds)
    if not 1 <= seconds <= greatest:
        raise CommandError(f"seconds must lie within 1..{greatest}", value=seconds)
    return seconds


def text_bytes(command: Command, encoding: str, most: int) -> bytes:
    """The parameter `text` in a device's encoding: 1 to `most` bytes."""
    text = command.parameters.get("text")
    if not isinstance(text, str):
        raise CommandError("text must be a string", value=text)
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        raise CommandError(f"text cannot be written in {encoding}", value=text) from None
    if not 1 <= len(data) <= most:
        raise CommandError(f"text must have 1 to {most} bytes in {encoding}", value=text)
    return data


def sms_bytes(command: Command, encoding: str, most: int) -> bytes:
    """The parameter `text` as an SMS command, whose closing # may be left out."""
    words = text_bytes(command, encoding, most)
    return words if words.endswith(b"#") else words + b"#"


def numeric_option(session: Session, name: str, default: int, least: int, most: int) -> int:
    """The listener's option `name`: a whole number from `least` to `most`."""
    number = session.options.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise CommandError(f"{name}: a whole number from {least} to {most}", value=number)
    return number


def check_stream(session: Session, protocol: str) -> None:
    """Raise CommandError where devices come in datagrams, for protocols whose commands need TCP."""
    if session.options.get("udp"):
        raise CommandError(f"{protocol}: commands need TCP, a datagram may reach anyone")


REFERENCE_MOST = 0xFFFF  # of a command of ours; what is beyond was asked by somebody else


def known_reference(number: int) -> int | None:
    """The reference that an answer repeats, None where it repeats none."""
    if number <= 0:
        return None
    return number if number <= REFERENCE_MOST else NOBODYS
