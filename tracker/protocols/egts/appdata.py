"""The records of one EGTS packet of data: what each says, of whom, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Login, Message, Notice
from tracker.protocols.egts import auth, commands, teledata
from tracker.protocols.egts.said import Said
from tracker.protocols.egts.wire import (
    AUTH,
    COMMANDS,
    DATA_FORM,
    ECALL,
    FIRMWARE,
    ID_UNKNOWN,
    OK,
    RECORD_RESPONSE,
    SERVICE_UNKNOWN,
    TELEDATA,
    Link,
    Record,
    subrecords,
)
from tracker.protocols.reports import conclude
from tracker.protocols.stream import STUMBLES, handles, items, stumble

KEPT_BYTES = 64  # of what is kept as hex
IMEI_SIZE = 15

SERVICE_READERS: dict[int, Callable[[Appdata, Record], None]] = {}


class Appdata:
    """What the records of one packet say, while they are being read."""

    __slots__ = ("device", "errors", "home", "link", "moments", "others", "told")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.home = link.home  # who has authenticated, in this packet or before
        self.device: dict[str, Any] | None = None  # what it said of itself in this one
        self.moments: dict[str, list[Said]] = {}  # by identity, in the order of appearance
        self.others: list[Message] = []
        self.errors: list[DecodeError] = []
        self.told: list[tuple[Record, int]] = []  # with the result for its sender

    def read(self, record: Record) -> None:
        """Add one record."""
        if record.content[0] == RECORD_RESPONSE:
            return  # an answer to us, which is not answered
        try:
            reader = SERVICE_READERS.get(record.service)
            if reader is None:
                outcome = SERVICE_UNKNOWN
                self.others.append(unknown(record.service, record.content))
            else:
                outcome = OK
                reader(self, record)
        except STUMBLES as error:
            fault = stumble("egts", error)
            self.errors.append(fault)
            outcome = ID_UNKNOWN if fault.kind == "login" else DATA_FORM
        self.told.append((record, outcome))

    def ident(self, record: Record) -> str:
        """Of whom a record is. Raises DecodeError if nothing tells it."""
        if record.object_id is not None and (
            self.home is None or self.link.terminal_id not in (0, record.object_id)
        ):
            return str(record.object_id)
        ident = self.home or self.link.session.ident
        if ident is None:
            raise DecodeError("login", "egts: a record of nobody", record.content)
        return ident

    def messages(self, refusal: bytes) -> Iterator[Message | DecodeError]:
        """Logins where they are due, each in front of what its device says; then the errors."""
        session = self.link.session
        if self.home is not None and self.device is not None and session.ident != self.home:
            session.ident = self.home
            yield Login(ident=self.home, refusal=refusal, attributes=self.device)
        elif self.device is not None and session.ident is not None:
            yield Notice(kind="device", attributes=self.device)
        for ident, moments in self.moments.items():
            if session.ident != ident:
                session.ident = ident
                yield Login(ident=ident, refusal=refusal)
            yield from items(conclude(moments, b""))
        if session.ident is not None:
            yield from self.others
        elif self.others:
            yield DecodeError("login", f"egts: {len(self.others)} records of nobody")
        yield from self.errors


@handles(SERVICE_READERS, AUTH)
def authentication(whole: Appdata, record: Record) -> None:
    """1: who is there. The IMEI is the identity, or else the terminal's number."""
    said: dict[str, Any] = {} if whole.device is None else whole.device
    for kind, content in subrecords(record.content):
        reader = auth.SUBRECORDS.get(kind)
        if reader is not None:
            reader(said, content)
            whole.device = said
        if kind == auth.TERM_IDENTITY:
            whole.link.terminal_id = said["terminal_id"]
            imei = said.get("imei", "")
            known = len(imei) == IMEI_SIZE and imei.isdecimal() and imei.strip("0")
            whole.home = imei if known else str(said["terminal_id"])
            whole.link.home = whole.home


@handles(SERVICE_READERS, TELEDATA)
def teledata_record(whole: Appdata, record: Record) -> None:
    """2: positions and what was measured with them."""
    ident = whole.ident(record)
    moments = whole.moments.setdefault(ident, [])
    moments += teledata.read_record(record, moments[-1] if moments else None)


@handles(SERVICE_READERS, COMMANDS)
def command_record(whole: Appdata, record: Record) -> None:
    """4: answers to commands."""
    for kind, content in subrecords(record.content):
        said = commands.read(whole.link, content) if kind == commands.COMMAND_DATA else None
        whole.others.append(said or unknown(record.service, content))


@handles(SERVICE_READERS, FIRMWARE, ECALL)
def kept_record(whole: Appdata, record: Record) -> None:
    """9 firmware, 10 emergency calls: kept as they are."""
    whole.others += [unknown(record.service, content) for _, content in subrecords(record.content)]


def unknown(service: int, content: bytes) -> Message:
    """A record that is not decoded."""
    kept = {"kind": f"service {service}", "data": content[:KEPT_BYTES].hex()}
    return Notice(kind="unknown", attributes=kept)
