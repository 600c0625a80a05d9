"""The decoder of a connection that speaks HTTP: each request to the reader of its dialect.

One connection may carry several dialects and several devices, as a proxy's does: every request
says which it is and who speaks, and a change of the device is a new Login. A request has exactly
one answer; the one that promises storage rides on its last message. A request in which one device
speaks has room for a command in its answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from tracker.errors import DecodeError
from tracker.model import Command
from tracker.protocols.base import Aside, Login, Logout, Message, Positions, Refused, Session
from tracker.protocols.documents import flespi, said
from tracker.protocols.documents.said import Said
from tracker.protocols.http import osmand
from tracker.protocols.http.commands import FORMS, Answering, wants_commands
from tracker.protocols.http.identify import owntracks_ident
from tracker.protocols.http.wire import BODY_MOST, JSON, Exchange, HttpError, Request, refusal
from tracker.protocols.publications import Acknowledged, Item, by_ident, reader_of
from tracker.protocols.stream import Outcome, StreamDecoder

OPTION_BODY = "http_body_bytes"  # of a listener: the greatest body that is taken


class Part(NamedTuple):
    """What one device says in a request; `tell` makes its messages, once it has been named."""

    ident: str
    tell: Callable[[], Iterator[Message]]


class HttpDecoder(StreamDecoder[Request]):
    """Decoder of one connection. `name` is the dialect of the newest request."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session)
        self.name = name
        self.link = None
        self.reader = reader_of(session.options)
        self.exchange = Exchange(int(session.options.get(OPTION_BODY, BODY_MOST)))
        self._asked: Request | None = None  # the newest, where one device alone speaks in it
        session.room = self._room

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut."""
        self.exchange.receive(data)

    @property
    def buffered(self) -> int:
        """Bytes of a request that is not complete yet."""
        return self.exchange.held

    def cut(self) -> Request | None:
        """The next whole request; DecodeError for one that was answered with a problem."""
        try:
            request = self.exchange.next_request()
        except HttpError as fault:
            self._ready.append(self._refused(fault))
            raise
        if request is None and self.exchange.awaits_continue:
            self._ready.append(Aside(self.exchange.proceed()))
            return EMPTY
        return request

    def decode(self, frame: Request) -> Outcome:
        """The messages of one request."""
        if frame is EMPTY:
            return ()
        parts = self._parts(frame)
        return self._messages(frame, parts)

    def encode(self, command: Command) -> bytes:
        """What carries a command in an answer of the newest dialect. Raises CommandError."""
        return FORMS[self.name].encode(command)

    def _room(self) -> Answering | None:
        """The answer to the newest request, where it has room for a command."""
        request, form = self._asked, FORMS[self.name]
        if request is None:
            return None
        wanted = wants_commands(form, request)
        return Answering(form, wanted, self.session.now, self.exchange.over)

    def refuse(self, frame: Request, error: DecodeError) -> Message | None:  # noqa: ARG002
        """A request that cannot be read is the sender's fault, and its sender is told."""
        if not isinstance(error, HttpError):
            status = HTTPStatus.BAD_REQUEST
            error = HttpError(error.kind, status, error.message)
        return self._refused(error)

    def _refused(self, fault: HttpError) -> Refused:
        answer = self.exchange.problem(self.session.now, fault)
        return Refused(answer, reason=fault.kind, last=self.exchange.over)

    # -- dialects ----------------------------------------------------------------------------------

    def _parts(self, request: Request) -> list[Part | DecodeError]:
        """Who says what. Raises DecodeError."""
        record, now = content(request), self.session.now
        if record is None and "x-limit-u" in request.headers:
            record = {"_type": ""}  # an empty body: a friend is to be forgotten
        found: list[Said | DecodeError] | None = None
        if record is not None and (path := request.path):
            told = self.reader.by_path(path, record, now)
            if isinstance(told, Acknowledged):
                self.name = "json"
                return [Part(told.ident, partial(iter, (told.reply,)))]
            found = told
        self.name = dialect = "json" if found is not None else dialect_of(record)
        if dialect == "owntracks":
            items = self.reader.owntracks(record, owntracks_ident(record, request), now)
            return list(_parts_of(items))
        if dialect == "flespi":
            found = flespi.read(record if isinstance(record, list) else [record], now)
        elif record is None:
            found = osmand.read_query(request, self.session)
        elif found is None:
            found = osmand.read_json(record, self.session)
        if len(found) == 1 and isinstance(found[0], Said):  # nearly always
            return [Part(found[0].ident, partial(self._told, [found[0]]))]
        parts: list[Part | DecodeError] = [one for one in found if isinstance(one, DecodeError)]
        parts += [Part(ident, partial(self._told, group)) for ident, group in by_ident(found)]
        return parts

    def _told(self, reports: list[Said]) -> Iterator[Message]:
        """Messages of one device's reports, by its clock where the zone is unknown."""
        for each in reports:
            if each.local and each.report.time is not None:
                each.report.time -= self.session.utc_offset_s or 0
        return said.messages([each.report for each in reports], self.session.now)

    # -- messages ----------------------------------------------------------------------------------

    def _messages(
        self, request: Request, parts: list[Part | DecodeError]
    ) -> Iterator[Message | DecodeError]:
        """One message behind: the last one is to carry the answer."""
        held: Message | None = None
        speakers = 0
        for part in parts:
            if isinstance(part, DecodeError):
                yield part
                continue
            if held is not None:
                yield held
                held = None
            speakers += 1
            yield from self._named(part.ident)
            for message in part.tell():
                if held is not None:
                    yield held
                held = message
        form = FORMS[self.name]
        body = form.empty if form.empty and wants_commands(form, request) else b""
        kind = form.kind if body else ""
        answer = self.exchange.answer(self.session.now, HTTPStatus.OK, body, kind)
        self._asked = request if speakers == 1 else None
        if held is None:
            yield Aside(answer, last=self.exchange.over)
            return
        if isinstance(held, Positions):  # nearly always
            yield Positions(answer, durable=True, fixes=held.fixes)
        else:
            yield dataclasses.replace(held, answer=answer, durable=True)
        if self.exchange.over:
            yield Logout()

    def _named(self, ident: str) -> Iterator[Message]:
        """The Login of a device, where another one or none spoke last."""
        if self.session.ident != ident:
            self.session.ident = ident
            yield Login(ident=ident, refusal=self._refusal())

    def _refusal(self) -> bytes:
        return refusal(self.session.now, HTTPStatus.FORBIDDEN, "this device may not report here")


def _parts_of(items: list[Item]) -> Iterator[Part | DecodeError]:
    """The same of one device's messages behind its Login."""
    for at, item in enumerate(items):
        if isinstance(item, Login):
            yield Part(item.ident, partial(iter, items[at + 1 :]))
            return
        assert isinstance(item, DecodeError)  # noqa: S101 - what Reader promises
        yield item


EMPTY = Request("", {}, b"")  # stands for a request whose body is still to come


def content(request: Request) -> Any:
    """The JSON object or list of a body; None if it has none. Raises HttpError."""
    body = request.body.strip()
    if not body.startswith((b"{", b"[")) and request.media_type != JSON:
        return None
    if not body:
        return None
    try:
        record = orjson.loads(body)
    except ValueError as error:
        raise HttpError("json", HTTPStatus.BAD_REQUEST, f"no JSON: {error}") from None
    if not isinstance(record, dict | list):
        raise HttpError("json", HTTPStatus.BAD_REQUEST, "neither an object nor a list")
    return record


def dialect_of(record: Any) -> str:
    """Which dialect the JSON of a body is; None is none at all. Raises HttpError."""
    if record is None:
        return "osmand"
    if isinstance(record, list):
        return "flespi"
    for member, name in (("_type", "owntracks"), ("ident", "flespi"), ("device_id", "osmand")):
        if member in record:
            return name
    detail = "JSON of none of these: device_id and location, _type, ident, a path with a mapping"
    raise HttpError("dialect", HTTPStatus.BAD_REQUEST, detail)
