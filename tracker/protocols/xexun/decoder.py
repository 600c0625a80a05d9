"""The decoder of one connection that speaks Xexun text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Family, Match, Message, Session
from tracker.protocols.commands import text_bytes
from tracker.protocols.framing import NEVER
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder, probe_text
from tracker.protocols.xexun.report import read
from tracker.protocols.xexun.wire import CRC, FRAMING, START, Trust, size, trust

DEFAULT_PASSWORD = "123456"  # noqa: S105 - the makers', of every device as it is sold
COMMAND_MOST = 200
PASSWORD = re.compile(r"\w{1,12}", re.ASCII)

# An RMC with F or L behind it, or none and then an IMEI.
EVIDENCE = re.compile(
    rb"(?:\A|[\r\n])\s*(?:"
    rb"(?:\d{0,12},\+?\w{0,20},)?G[PN]RMC,\d{6}[.\d]*,[AV],[^$\r\n]{20,120}\*[0-9A-Fa-f]{2},[FL],"
    rb"|\d{0,12},\+?\w{0,20},,[FL],[^,\r\n]*,\s*imei:\d{15},)"
)


class Link:
    """The session and its password for commands."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session

    def order(self, words: str) -> bytes:
        """A command as it would be sent by SMS; `{}` stands for the password."""
        password = str(self.session.options.get("xexun_password", DEFAULT_PASSWORD))
        if PASSWORD.fullmatch(password) is None:
            raise CommandError("xexun_password: 1 to 12 letters and digits")
        return words.format(password).encode("ascii")


def custom(_link: Link, command: Command) -> bytes:
    """The text of an SMS, its password included."""
    words = text_bytes(command, "ascii", COMMAND_MOST)
    if not words.decode().isprintable():
        raise CommandError("one printable line", value=words.decode())
    return words


class XexunDecoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/xexun.md."""

    name = "xexun"
    framing = FRAMING
    datagram_end = b"\r\n"
    COMMANDS: ClassVar[Mapping[CommandKind, Callable[[Any, Command], bytes]]] = {
        CommandKind.ENGINE_CUT: lambda link, _: link.order("powercar{} 11"),
        CommandKind.ENGINE_RESTORE: lambda link, _: link.order("powercar{} 00"),
        CommandKind.CUSTOM: custom,
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        self._strict = session.options.get("xexun_strict") is True
        self._exact = ""  # who has sent a right checksum

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet; one that lacks only its line end is."""
        return 0 if CRC.search(self.buffer.data) else len(self.buffer)

    def _found_inside(self) -> bool:
        """A full frame has a basic one inside, which proves nothing."""
        return self.buffer.data[:1] == b"G" and super()._found_inside()

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: each names its device. A device whose checksum was right once is
        held to it; with option `xexun_strict` every one is.
        """
        ident, said = read(frame)
        verdict = trust(frame)
        if verdict is Trust.WRONG or (
            verdict is Trust.DOUBTFUL and (self._strict or ident == self._exact)
        ):
            raise DecodeError("checksum", "xexun: checksum", frame)
        if verdict is Trust.RIGHT:
            self._exact = ident
        return after_login(self.session, ident, lambda: self.finish(said))

    def finish(self, said: Report) -> Message:
        """The report as a message, in UTC by the vehicle's record. Nothing is answered."""
        said.time = self.session.utc(said.time)
        return said.message(self.session.now)


def probe(data: bytes) -> Match:
    """An RMC without $ and with F or L behind it; a head of digits alone is waited on."""
    verdict = probe_text(EVIDENCE, START, data)
    begun = data.lstrip()
    if verdict is Match.MORE and begun and begun[0] != 0x47 and size(begun, 0) == NEVER:
        return Match.NO
    return verdict


FAMILY = Family(
    name="xexun",
    title="Xexun (TK102-2, TK103-2, XT)",
    probe=probe,
    decoder=XexunDecoder,
    heartbeat_s=300.0,  # there is no heartbeat: the interval of positions
)
