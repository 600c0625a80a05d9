"""The state of one connection that speaks Suntech's protocol."""

from __future__ import annotations

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.unanswered import InTurn

# Bytes of one crash report that may wait for its other parts: five seconds before and after, a
# hundred readings a second, have 6,000.
CRASH_MOST = 8192


class Link:
    """What one connection knows: in which form the device speaks, and what is unanswered."""

    __slots__ = ("_asked", "crash", "crash_parts", "model", "session", "universal")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.model: str | None = None  # as in the heads of its frames, such as ST300
        self.universal = False
        self.crash = b""
        self.crash_parts = 0
        self._asked: InTurn[str] = InTurn(session)  # by a word of the answer

    def order(self, command: Command, word: str, rest: str = "") -> bytes:
        """The line of a command in the form in which the device speaks; `word` is that of it which
        the answer repeats.
        """
        ident = self.session.ident
        if ident is None or (self.model is None and not self.universal):
            raise CommandError("suntech: the device has not spoken yet")
        head = f"CMD;{ident}" if self.universal else f"{self.model}CMD;{ident};02"
        return self.line(command, f"{head};{word}{rest}", word)

    def line(self, command: Command, line: str, word: str) -> bytes:
        """A whole line, remembered under a word of its answer."""
        self._asked.ask(word.lower(), command.reference)
        return line.encode("ascii") + b"\r"

    def answered(self, words: str) -> int | None:
        """The reference of the oldest unanswered command whose word is among `words`, once."""
        if not self._asked:
            return None
        said = f";{words.lower()};"
        return self._asked.matching(lambda word: f";{word};" in said)
