"""The decoder of one connection that speaks NMEA 0183."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Family, Heartbeat, Message, Session
from tracker.protocols.commands import text_bytes
from tracker.protocols.nmea import names, tails
from tracker.protocols.nmea.epoch import Epoch, Part, same_clock
from tracker.protocols.nmea.places import READERS, pubx, rma, trccr
from tracker.protocols.nmea.sentence import LINE_MOST, Sentence, identity_in, read
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, StreamDecoder, after_login
from tracker.protocols.textfields import course, knots
from tracker.protocols.textframes import SEPARATORS, partial, pass_over, probe_text

# A sentence may follow a checksum without a line end.
END = re.compile(rb"[\r\n]|(?<=\*[0-9A-Fa-f]{2})(?=\$)")
NAMELESS_MOST = 16  # positions kept for a name that comes behind them
COMMAND_MOST = 500

# A position or a name at the start of a line, with a checksum where it has one.
EVIDENCE = re.compile(
    rb"(?:\A|\n|\r)(?:"
    rb"(?:\d{8,20}[,;]?|[\w-]{1,20}/\d{8,20}/)?"
    rb"\$G[PNLABQ](?:RMC|GGA|GLL),[^$*\r\n]*\*[0-9A-Fa-f]{2}(?:[\r\n]|\Z|,\d{1,2},\d{15})"
    rb"|\$(?:PVTID|PGID|GPFID|DEVID|PCPTI|PSIWMDID),?[\w. -]{4,40}(?:[*,\r\n]|\Z)"
    rb"|\$IMEI=\d{15}|IMEI \d{15}|\$CONNECT,\d{15},NETWORK,|\$ID,\d{15},|\$TRCCR,\d{14}"
    rb")"
)
MARK = re.compile(
    partial(rb"\$", rb"[A-Z]", rb"[A-Z]", rb"[A-Z]?") + rb"|" + partial(*(b"I", b"M", b"E", b"I"))
    + rb"|[0-9A-Fa-f/]{1,20}(?:\Z|[\r\n,;$/])"
)  # fmt: skip


class NmeaDecoder(StreamDecoder[bytes]):
    """Decoder of one connection. Options: docs/protocols/nmea.md."""

    name = "nmea"
    COMMANDS: ClassVar[Mapping[CommandKind, Callable[[Any, Command], bytes]]] = {
        CommandKind.CUSTOM: lambda _, command: custom(command),
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        options = session.options
        self.link = None
        self.epoch = Epoch()
        self._lenient = options.get("nmea_lenient") is True
        self._answer = b"OK1\r\n" if options.get("nmea_ack") == "OK1" else b""
        self._default = options.get("nmea_ident")
        self._datagrams = options.get("udp") is True
        self._checks = False  # the device has sent a right checksum, and is held to it
        self._nameless: deque[Report] = deque(maxlen=NAMELESS_MOST)

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; one datagram at a time with option `udp`."""
        super().receive_data(data + b"\r\n" if self._datagrams else data)

    def cut(self) -> bytes | None:
        """The next line; DecodeError for one that is too long."""
        pass_over(self, SEPARATORS)
        found = END.search(self.buffer.data, 0, LINE_MOST)
        if found is not None:
            return self.buffer.take(found.start())
        if len(self.buffer) >= LINE_MOST:
            raise DecodeError("length", "nmea: no line end", self.buffer.take(LINE_MOST))
        return None

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one line."""
        line = frame.decode("ascii", "replace").rstrip()
        if not line.isascii():
            raise DecodeError("garbage", "nmea: not a line of text", frame)
        if line.startswith("!"):
            return ()  # AIS: what ships say of themselves is not ours
        sentence = read(line, lenient=self._lenient)
        if sentence is None:
            ident = names.from_line(line)
            if ident is None:
                raise DecodeError("garbage", "nmea: no sentence and no identity", frame)
            self._checks = self._checks and ident == self.session.ident
            return self.named(ident, [])
        ident = identity_in(sentence.prefix) or names.from_sentence(sentence)
        if ident is not None and ident != self.session.ident:
            self._checks = False  # another device: nothing is known of its checksums
        self.hold_to(sentence)
        reports = list(self.reports(sentence))
        if sentence.behind and reports:
            ident = tails.behind_checksum(sentence.behind, reports[-1]) or ident
        return self.named(ident, reports)

    def hold_to(self, sentence: Sentence) -> None:
        """A device whose positions have checksums has lost one where there is none."""
        if sentence.kind in READERS and not self._lenient:
            if self._checks and not sentence.checked:
                raise DecodeError("checksum", "nmea: the checksum is missing")
            self._checks = sentence.checked

    def named(self, stated: str | None, reports: list[Report]) -> Outcome:
        """The reports of a device, once it has a name; until then the last few are kept."""
        ident = stated or self.session.ident or self._default
        if ident is None:
            self._nameless.extend(reports)
            return ()
        if stated is None and not reports:
            return ()  # a sentence that is about nothing of ours
        kept = [*self._nameless, *reports]
        self._nameless.clear()
        return after_login(self.session, ident, lambda: self.messages(kept))

    def messages(self, reports: list[Report]) -> list[Message]:
        """Reports as messages; a name alone is a sign of life."""
        offset_s = self.session.utc_offset_s or 0
        for said in reports:
            if said.time is not None:
                said.time -= offset_s
        now = self.session.now
        return [said.message(now, self._answer) for said in reports] or [Heartbeat()]

    def reports(self, sentence: Sentence) -> Iterator[Report]:
        """What a sentence says of the place, perhaps together with one before it."""
        now, kind, fields = self.session.now, sentence.kind, sentence.fields
        if kind in READERS:
            said = READERS[kind](fields)
            clock = same_clock(fields[5 if kind == "GLL" else 1])
            if kind != "RMC":
                self.epoch.date(clock, said, now)
            if kind != "GLL":
                yield from self.epoch.add(Part(kind, clock, said))
            elif self.epoch.empty:
                yield said
        elif kind == "VTG":
            self.epoch.move(knots(fields[5]), course(fields[1]))
        elif sentence.name == "PUBX" and fields[1] == "00":
            said = pubx(fields)
            self.epoch.date(same_clock(fields[2]), said, now)
            yield said
        elif kind == "RMA":
            said = rma(fields)
            said.time = now + (self.session.utc_offset_s or 0)  # taken off again with the others
            yield said
        elif sentence.name == "TRCCR":
            yield trccr(fields)
        elif sentence.name == "GPIOP":
            yield Report(attributes=tails.inputs(fields))
        elif sentence.name == "ID":
            said = Report()
            tails.wmcs(fields, said)
            yield said
        elif not sentence.checked and names.from_sentence(sentence) is None:
            raise DecodeError("garbage", f"nmea: no such sentence: {sentence.name[:16]}")


def custom(command: Command) -> bytes:
    """There are no commands in NMEA: the text of a custom one goes to the device as a line."""
    words = text_bytes(command, "ascii", COMMAND_MOST)
    if not words.decode().isprintable():
        raise CommandError("one printable line", value=words.decode())
    return words + b"\r\n"


FAMILY = Family(
    name="nmea",
    title="NMEA 0183",
    probe=lambda data: probe_text(EVIDENCE, MARK, data),
    decoder=NmeaDecoder,
    heartbeat_s=300.0,  # routers are set to intervals of some minutes
)
