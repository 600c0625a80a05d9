"""The replay: frames through a decoder, and the account of what came out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker.conformance.compare import (
    DAMAGE,
    FIELDS,
    Reading,
    compare,
    our_words,
    their_words,
    told,
)
from tracker.conformance.records import moment, options, read, stated, wire
from tracker.errors import DecodeError, RequestError
from tracker.protocols.base import Decoder, Family, Message, Positions, Refused, Reply, Session
from tracker.protocols.registry import FAMILIES

# Names that files have where the protocol is known by another one here.
OTHER_NAMES = {
    "gl200text": "queclink",
    "gl200binary": "queclink",
    "t55": "nmea",
    "galileo": "galileosky",
    "navis": "navtelecom",
}

# What stands behind a text frame where it is not a line end.
TERMINATORS = {"gl200text": b"$"}
LINE_END = b"\r\n"

# A connection whose login is not among the frames is taken to have been logged in as this.
NAMELESS = "not-named"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One frame that was read differently: the fields, and both readings of it."""

    instance: str
    index: int
    fields: tuple[str, ...]
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]


@dataclass(slots=True)
class Tally:
    """The account of one file. `fields` counts (compared, agreed) by name."""

    protocol: str
    frames: int = 0
    agree: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by kind; not among `frames`
    compared: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "protocol": self.protocol,
            "frames": self.frames,
            "agree": self.agree,
            "disagree": len(self.disagreements),
            "refused": self.refused.total(),
            "refused_kinds": dict(self.refused),
            "fields": {
                name: {"compared": self.compared[name], "agree": self.agreed[name]}
                for name in FIELDS
            },
            "disagreements": [dataclasses.asdict(each) for each in self.disagreements],
        }


@dataclass(slots=True)
class Result:
    """The account of a folder, by the stems of its files."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    unsupported: dict[str, int] = field(default_factory=dict)  # frames of protocols not spoken here

    def plain(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "protocols": {name: tally.plain() for name, tally in self.tallies.items()},
            "unsupported": self.unsupported,
        }


def run(folder: Path, now: float) -> Result:
    """Replay every file of a folder at Unix time `now`. Raises RequestError for what is no file."""
    if not folder.is_dir():
        raise RequestError(f"{folder} is no folder", value=folder)
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise RequestError(f"no .jsonl files in {folder}", value=folder)
    families = {family.name: family for family in FAMILIES}
    result = Result()
    for path in paths:
        records = read(path)
        family = families.get(OTHER_NAMES.get(path.stem, path.stem))
        if family is None:
            result.unsupported[path.stem] = len(records)
        else:
            result.tallies[path.stem] = replay(records, family, path.stem, now)
    return result


def replay(records: Iterable[Mapping[str, Any]], family: Family, name: str, now: float) -> Tally:
    """All frames of one file, each instance on a decoder of its own."""
    tally = Tally(family.name)
    instance: str | None = None
    decoder: Decoder | None = None
    session = Session()
    for record in records:
        if decoder is None or record["instance"] != instance or decoder.buffered:
            instance = record["instance"]
            session = Session(
                ident=NAMELESS, auth_key=b"conformance", options=options(record, name)
            )
            decoder = family.decoder(session)
        with stated(record):
            session.now = moment(record, now)
        reading = take(decoder, session, record, name)
        with stated(record):
            account(tally, record, reading)
    return tally


def take(decoder: Decoder, session: Session, record: Mapping[str, Any], name: str) -> Reading:
    """What the decoder makes of one frame, with what framing took from it put back."""
    reading = Reading(None, (), [], 0)
    with stated(record):
        data, end = wire(record), TERMINATORS.get(name, LINE_END)
    text = record["form"] in ("text", "buffer")
    if text and record.get("framing") != "same" and not data.endswith(end):
        data += end
    feed(decoder, data, reading)
    if decoder.buffered:
        feed(decoder, end, reading)
    if not reading.messages and not decoder.buffered and record.get("framed_hex"):
        with stated(record):
            framed = bytes.fromhex(record["framed_hex"])
        feed(decoder, framed, reading)
    if decoder.buffered and not reading.messages:
        reading.errors.append("unfinished")
    reading.ident = None if session.ident == NAMELESS else session.ident
    return reading


def feed(decoder: Decoder, data: bytes, reading: Reading) -> None:
    """Add to a reading what comes out of these bytes."""
    decoder.receive_data(data)
    for message in drained(decoder, reading.errors):
        reading.messages += not isinstance(message, Refused)
        if isinstance(message, Refused):
            reading.errors.append(message.reason)
        elif isinstance(message, Positions | Reply):
            reading.fixes += message.fixes


def drained(decoder: Decoder, errors: list[str]) -> Iterator[Message]:
    """Every message that is ready; kinds of errors go to `errors`."""
    while True:
        try:
            message = decoder.next_message()
        except DecodeError as error:
            errors.append(error.kind)
            continue
        if message is None:
            return
        yield message


def account(tally: Tally, record: Mapping[str, Any], reading: Reading) -> None:
    """Enter one frame into the tally."""
    if reading.damaged:
        tally.refused[next(kind for kind in reading.errors if kind in DAMAGE)] += 1
        return
    tally.frames += 1
    verdicts = compare(record, reading)
    for name, same in verdicts.items():
        tally.compared[name] += 1
        tally.agreed[name] += same
    wrong = tuple(name for name in FIELDS if not verdicts.get(name, True))
    if not wrong:
        tally.agree += 1
        return
    ours = {
        "ident": reading.ident,
        "fixes": [our_words(fix) for fix in reading.fixes],
        "errors": reading.errors,
    }
    theirs = {"ids": record.get("ids") or [], "positions": [their_words(p) for p in told(record)]}
    tally.disagreements.append(
        Disagreement(record["instance"], record["index"], wrong, ours, theirs)
    )
