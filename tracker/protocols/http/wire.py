"""HTTP/1.1 as devices and their proxies speak it: requests out of bytes, answers into bytes.

The parsing is h11's. Added here: whole requests with bounded heads and bodies, bodies that were
compressed, and answers that say in JSON what was wrong (RFC 9457). Nothing is answered by itself:
who takes a request says what to answer to it before the next one is cut.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import h11
import orjson

from tracker.errors import DecodeError
from tracker.protocols.http.plain import METHODS, Plain, plain

HEAD_MOST = 16_384  # bytes: what proxies allow as a rule, and much more than any device sends
# Around each byte of a chunked body, with a chunk for every byte as small devices write them. What
# else is between the chunks and behind them (extensions, trailers) counts like a head.
CHUNK_FRAMING_MOST = 8
BODY_MOST = 65_536  # bytes: some hundreds of positions; held for strangers as well
INFLATED_MOST = 1 << 20  # bytes of a body that came compressed: bounds what 64 kB can become
HEAD_END = re.compile(rb"\n\r?\n")
HOST = re.compile(rb"\nhost[ \t]*:", re.IGNORECASE)
PROBLEM, JSON = "application/problem+json", "application/json"


class HttpError(DecodeError):
    """A request that is answered with a problem: HTTP status and what to tell the sender."""

    def __init__(self, kind: str, status: HTTPStatus, detail: str) -> None:
        super().__init__(kind, f"http: {status} {detail}", detail.encode("utf-8", "replace"))
        self.http_status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request. Names of `headers` are in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the slash that it begins with, as a topic is written."""
        path = urlsplit(self.target).path if "://" in self.target[:8] else self.target
        return unquote(path.partition("?")[0].partition("#")[0].removeprefix("/"))

    @property
    def query(self) -> str:
        """What stands behind the question mark."""
        return self.target.partition("?")[2].partition("#")[0]

    @property
    def media_type(self) -> str:
        """The type of the body, in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Exchange:
    """The server's end of one HTTP connection, sans-I/O.

    A request that came whole, and of which nothing needs thought, is read by `plain`. Any other has
    an h11 connection of its own, which is given its head as a whole: so a head without Host, as
    small devices write it, can be mended before it is judged.
    """

    def __init__(self, body_most: int = BODY_MOST) -> None:
        self._connection: h11.Connection | None = None  # None: not needed for this request so far
        self._last = False  # a plain request that asks for the end of the connection
        self._pending = bytearray()  # not given to h11 yet
        self._searched = 0  # how far the end of a head was looked for
        self._plain: Plain | None = None  # found, and not handed out
        self._head: h11.Request | None = None
        self._method = b""  # of the newest request
        self._body = bytearray()
        self._given = 0  # bytes behind the head that h11 was given of this request
        self._body_most = body_most
        self.over = False  # nothing more is read

    @property
    def held(self) -> int:
        """Bytes of a request that is not complete yet; at least 1 while its body is awaited."""
        if self.over:
            return 0
        given = 0 if self._connection is None else len(self._connection.trailing_data[0])
        return len(self._pending) + given + len(self._body) + (self._head is not None)

    @property
    def awaits_continue(self) -> bool:
        """Whether the client sends the body only when it is told to."""
        connection = self._connection
        return (
            not self.over
            and connection is not None
            and connection.they_are_waiting_for_100_continue
        )

    def receive(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; after the end they are passed over."""
        if not self.over:
            self._pending += data

    def next_request(self) -> Request | None:
        """The next whole request, None if bytes are missing; HttpError for one that is none.

        Each must be answered before the next is asked for, one that raised as well.
        """
        while not self.over and self._give():
            if self._plain is not None:
                return self._take_plain(self._plain)
            assert self._connection is not None  # noqa: S101 - what `_give` has given to
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                self._body.clear()
                status = HTTPStatus(error.error_status_hint)
                raise HttpError("http", status, str(error)) from None
            if isinstance(event, h11.Request):
                self._head = event
                self._method = event.method
                self._check_head(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
                self._check_body(len(self._body))
            elif isinstance(event, h11.EndOfMessage):
                self._check_framing(self._connection)
                return self._whole()
            else:  # NEED_DATA: nothing else comes while every request is answered
                self._check_framing(self._connection)
                return None
        return None

    def _give(self) -> bool:
        """Whether there is anything to read: a plain request, or what h11 was given of another.

        A head is given to h11 only as a whole.
        """
        if self._connection is not None and self._head is not None:
            if self._pending:
                self._given += len(self._pending)
                self._connection.receive_data(bytes(self._pending))
                self._pending.clear()
            return True
        pending = self._pending
        if not self._searched:
            del pending[: len(pending) - len(pending.lstrip(b"\r\n"))]
        end = HEAD_END.search(pending, max(0, self._searched - len(b"\n\r")))
        size = len(pending) if end is None else end.end()
        if size > HEAD_MOST:
            self._method = b""
            detail = f"a head of more than {HEAD_MOST} bytes"
            raise HttpError("length", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        self._searched = 0 if end else len(pending)
        if end is None:
            return False
        head = bytes(pending[:size])
        del pending[:size]
        self._plain = plain(head, pending, self._body_most)
        if self._plain is not None:
            return True
        self._given = 0
        self._connection = h11.Connection(h11.SERVER)
        self._connection.receive_data(head if HOST.search(head) else with_host(head))
        return True

    def _check_head(self, head: h11.Request) -> None:
        if head.method not in METHODS:
            detail = "positions are sent by GET or POST"
            raise HttpError("method", HTTPStatus.METHOD_NOT_ALLOWED, detail)
        for name, value in head.headers:
            if name == b"content-length":
                self._check_body(int(value))

    def _check_body(self, size: int) -> None:
        if size > self._body_most:
            self._body.clear()
            detail = f"a body of more than {self._body_most} bytes"
            raise HttpError("length", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    def _check_framing(self, connection: h11.Connection) -> None:
        read = self._given - len(connection.trailing_data[0])
        if read - len(self._body) > HEAD_MOST + CHUNK_FRAMING_MOST * len(self._body):
            self._body.clear()
            detail = f"more than {HEAD_MOST} bytes of chunk extensions and trailers"
            raise HttpError("length", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def _take_plain(self, found: Plain) -> Request:
        self._plain = None
        self._method = found.method
        self._last = found.last
        body = bytes(self._pending[: found.size])
        del self._pending[: found.size]
        return request(found.target, found.headers, body)

    def _whole(self) -> Request:
        assert self._head is not None  # noqa: S101 - h11 ends no message that did not begin
        head, body = self._head, bytes(self._body)
        self._head = None
        self._body.clear()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return request(head.target.decode("latin-1"), headers, body)

    # -- answers -----------------------------------------------------------------------------------

    def proceed(self) -> bytes:
        """The interim answer that lets the client send the body."""
        assert self._connection is not None  # noqa: S101 - see awaits_continue
        said = self._connection.send(
            h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
        )
        return said or b""

    def answer(self, now: float, status: HTTPStatus, body: bytes = b"", kind: str = "") -> bytes:
        """The answer to the request that was handed out last; sets `over` where it is the end.

        It is the end where the client says so, speaks HTTP/1.0, or was not read to its own end.
        """
        if self._connection is None:
            self.over = self._last or not self._method
        else:
            self.over = self._connection.their_state is not h11.DONE
            self._pending[:0] = self._connection.trailing_data[0]
            self._connection = None
        if self.over:
            self._pending.clear()
        self._head = None
        whole = answer_of(now, status, body, kind, close=self.over)
        return whole[: -len(body)] if body and self._method == b"HEAD" else whole

    def problem(self, now: float, fault: HttpError) -> bytes:
        """The answer that says what was wrong."""
        return self.answer(
            now, fault.http_status, problem(fault.http_status, fault.detail), PROBLEM
        )


def request(target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A whole request, its body as it was before it was compressed. Raises HttpError."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        body = inflated(body, encoding)
    return Request(target, headers, body)


def with_host(head: bytes) -> bytes:
    """A head with the field that HTTP/1.1 demands, behind its first line."""
    line, end, rest = head.partition(b"\n")
    return line + end + b"Host: unknown\r\n" + rest


def problem(status: HTTPStatus, detail: str) -> bytes:
    """The body of an answer that says what was wrong."""
    return orjson.dumps({"title": status.phrase, "status": int(status), "detail": detail})


def refusal(now: float, status: HTTPStatus, detail: str) -> bytes:
    """An answer that ends a connection, for when it is not known yet whether it will be needed."""
    return answer_of(now, status, problem(status, detail), PROBLEM, close=True)


def answer_of(now: float, status: HTTPStatus, body: bytes, kind: str, *, close: bool) -> bytes:
    """A whole answer."""
    return head_of(status, len(body), kind, int(now), close=close) + body


@lru_cache(maxsize=64)  # within one second nearly all answers are the same
def head_of(status: HTTPStatus, size: int, kind: str, unix_s: int, *, close: bool) -> bytes:
    """Status line and fields of an answer."""
    fields = [
        f"HTTP/1.1 {int(status)} {status.phrase}",
        f"Date: {formatdate(unix_s, usegmt=True)}",
        f"Content-Length: {size}",
    ]
    if kind:
        fields.append(f"Content-Type: {kind}")
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        fields.append(f"Allow: {b', '.join(METHODS).decode()}")
    if close:
        fields.append("Connection: close")
    return "\r\n".join([*fields, "", ""]).encode("ascii")


def inflated(body: bytes, encoding: str) -> bytes:
    """A body that came compressed by gzip or deflate. Raises HttpError."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        detail = f"cannot read {encoding[:40]}: gzip, deflate or nothing"
        raise HttpError("compression", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    engine = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever its first bytes say
    try:
        plain = engine.decompress(body, INFLATED_MOST)
    except zlib.error as error:
        raise HttpError("compression", HTTPStatus.BAD_REQUEST, str(error)) from None
    if not engine.eof:
        whole = "incomplete, or more than" if engine.unconsumed_tail else "incomplete:"
        detail = f"{whole} {INFLATED_MOST} bytes uncompressed"
        raise HttpError("compression", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return plain
