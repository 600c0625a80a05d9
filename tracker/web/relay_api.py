"""REST: the relay. One request as JSON, or many as NDJSON, answered as brokers confirm.

docs/relay.md is its page.
"""

from __future__ import annotations

import asyncio
import functools
from http import HTTPStatus

import orjson
from aiohttp import web

from tracker.errors import NotFoundError
from tracker.mqtt.lane import Lane
from tracker.mqtt.lines import Lines
from tracker.mqtt.relay import Relay
from tracker.mqtt.requests import (
    Code,
    Refusal,
    Request,
    answer_line,
    line_most,
)
from tracker.web.auth import require_admin
from tracker.web.keys import RELAY
from tracker.web.middleware import UNREADABLE, problem

NDJSON = "application/x-ndjson"
RETRY_AFTER_S = 1  # what is in the way now is seldom there for longer
ANSWERS_S = 30.0  # that a caller may leave its answers untaken, as by TCP
UNWRITTEN_MOST = 1_000  # requests of one call that are not answered, or their answers not taken
STATUS = {
    Code.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Code.NO_BROKER: HTTPStatus.NOT_FOUND,
    Code.AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.UNCONFIRMED: HTTPStatus.GATEWAY_TIMEOUT,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.REFUSED: HTTPStatus.BAD_GATEWAY,
    Code.STOPPING: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
Told = tuple[Request, Code, str]


async def relay(request: web.Request) -> web.StreamResponse:
    """POST /api/v1/relay."""
    require_admin(request)
    found = request.app[RELAY]
    if not found.lanes:
        raise NotFoundError("this node relays nothing: no relay_brokers are set")
    if request.content_type == NDJSON:
        return await _Many(request, found).run()
    return await _one(request, found)


async def _one(request: web.Request, relay: Relay) -> web.Response:
    try:
        asked, lane = relay.read(await request.read())
    except Refusal as refusal:
        return _refused(refusal.code, refusal.detail)
    told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
    asked.tell = lambda *values: None if told.done() else told.set_result(values)
    await _submit(relay, lane, asked)
    _, code, detail = await told
    if code:
        return _refused(code, detail)
    body = {"id": asked.id, "code": int(code), "result": code.word}
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _refused(code: Code, detail: str) -> web.Response:
    """A problem; what may be otherwise in a moment says when to ask again."""
    response = problem(STATUS[code], code.word, detail or code.word, result=int(code))
    if STATUS[code] == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


async def _submit(relay: Relay, lane: Lane, request: Request) -> None:
    """Give a request to its lane as soon as there is room; it is told when there was none."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + relay.limits.deadline_s
    while not relay.submit(lane, request):
        room: asyncio.Future[None] = loop.create_future()
        wake = functools.partial(_set, room)
        lane.on_room(wake)
        try:
            async with asyncio.timeout_at(give_up):
                await room
        except TimeoutError:
            lane.refuse(request, Code.BUSY, "there was no room in time")
            return
        finally:
            lane.forget_waiter(wake)
        if relay.stopping:
            lane.refuse(request, Code.STOPPING, "the server stops")
            return


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Many:
    """One call with many requests: lines in, lines out, both at once."""

    def __init__(self, request: web.Request, relay: Relay) -> None:
        self._request = request
        self._relay = relay
        self._lines = Lines(line_most(relay.limits.message_bytes))
        self._answers: list[bytes] = []
        self._open = 0  # requests not answered, and answers not written
        self._line = 0
        self._read_all = False
        self._changed = asyncio.Event()

    async def run(self) -> web.StreamResponse:
        """Until the last answer is written."""
        response = web.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(self._request)
        reading = asyncio.create_task(self._read(), name="relay read")
        try:
            while await self._wait():
                answers, self._answers = self._answers, []
                async with asyncio.timeout(ANSWERS_S):
                    await response.write(b"".join(answers))
                self._open -= len(answers)
                self._changed.set()
        except BaseException:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            raise
        await reading
        await response.write_eof()
        return response

    async def _wait(self) -> bool:
        """Until there are answers to write; False: there are none to come."""
        while not self._answers:
            if self._read_all and not self._open:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def _read(self) -> None:
        try:
            async for data in self._request.content.iter_any():
                self._lines.feed(data)
                if self._lines.endless:
                    break
                await self._take_all()
            self._lines.end()
            await self._take_all()
        except web.RequestPayloadError:
            self._relay.codes[Code.BAD_REQUEST.word] += 1
            self._open += 1
            self._say(answer_line(self._line + 1, Code.BAD_REQUEST, UNREADABLE))
        finally:
            self._read_all = True
            self._changed.set()

    async def _take_all(self) -> None:
        while self._lines:
            while self._open >= UNWRITTEN_MOST:
                self._changed.clear()
                await self._changed.wait()
            self._line += 1
            await self._take(self._lines.pop())

    async def _take(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        self._open += 1
        try:
            request, lane = self._relay.read(line, self._line)
        except Refusal as refusal:
            self._say(answer_line(refusal.id, refusal.code, refusal.detail))
            return
        request.tell = self._told
        await _submit(self._relay, lane, request)

    def _told(self, request: Request, code: Code, detail: str) -> None:
        self._say(answer_line(request.id, code, detail))

    def _say(self, answer: bytes) -> None:
        self._answers.append(answer)
        self._changed.set()
