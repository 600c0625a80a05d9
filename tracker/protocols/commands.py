"""What a command's parameters must be, whatever protocol carries them."""

from __future__ import annotations

from tracker.errors import CommandError
from tracker.model import Command


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
