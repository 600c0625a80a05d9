"""The relay's TCP port: a line of JSON in for each request, a line of JSON out for each answer.

Answers leave as brokers confirm, so that a broker that is away holds up nobody else's; `id` tells
which is whose, and is the number of the line where the caller gives none. A caller is not read
while there is no room for its next request, nor while it does not take its answers.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections import Counter
from typing import cast

import structlog

from tracker.errors import StartError
from tracker.mqtt.lane import Lane
from tracker.mqtt.lines import Lines
from tracker.mqtt.relay import Relay
from tracker.mqtt.requests import Code, Refusal, Request, answer_line, line_most

MAX_CALLERS = 1_000  # connections; a caller needs one
LINES_AT_ONCE = 256  # of one caller, before others get a turn: about 2 ms
BAD_MOST = 100  # lines in a row that are no request: whoever sends them does not speak this
TOKEN_S = 10.0  # until the token has come, where one is needed
ANSWERS_S = 30.0  # that a caller may leave its answers untaken
ANSWER_BYTES = 65_536  # of them, beyond which the caller is not read
FLUSH_S = 10.0  # that a closing connection has to take its last answers
SWEEP_S = 1.0
BACKLOG = 128
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))

_log = structlog.get_logger(__name__)


class Callers:
    """The listener and its connections."""

    def __init__(self, relay: Relay, tokens: tuple[bytes, ...] = ()) -> None:
        self.relay = relay
        self.tokens = tokens  # any of them will do; none: nobody is asked
        self.open: dict[Caller, None] = {}
        self.stats: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()  # by reason
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises StartError when the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Caller(self), host, port, backlog=BACKLOG
            )
        except OSError as exc:
            raise StartError(
                f"cannot listen for callers of the relay on {host}:{port}: {exc.strerror or exc}"
            ) from None
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="callers sweep")

    @property
    def port(self) -> int:
        """The port that is listened on; of use where 0 was asked for."""
        assert self._server is not None  # noqa: S101 - a caller's slip, not input
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and say no more; by now everybody has been answered."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # the last answers go to their transports
        for caller in list(self.open):
            caller.close("shutdown")
        await asyncio.sleep(0)  # the transports' last callbacks

    async def _sweep_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            for caller in list(self.open):
                caller.check_age(loop.time())


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._relay = callers.relay
        self._loop = asyncio.get_running_loop()
        self._lines = Lines(line_most(self._relay.limits.message_bytes))
        self._transport: asyncio.Transport | None = None
        self._allowed = not callers.tokens
        self._opened = self._untaken_since = self._closed_at = 0.0
        self._line = 0
        self._bad = 0  # in a row
        self._unanswered = 0
        self._stuck: tuple[Request, Lane] | None = None  # has no room yet
        self._scheduled = False  # another turn is to come
        self._ended = False  # the caller says no more
        self._holds: frozenset[str] = frozenset()
        self._answers: list[bytes] = []
        self._reason = "peer"

    # -- the transport's calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller; or one too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._opened = self._loop.time()
        self._callers.stats["opened"] += 1
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._transport.set_write_buffer_limits(high=ANSWER_BYTES, low=0)
        if len(self._callers.open) >= MAX_CALLERS:
            self._relay.codes[Code.BUSY.word] += 1
            self._refuse(Refusal(Code.BUSY, "too many callers"))
            self.close("too_many")
            return
        self._callers.open[self] = None

    def data_received(self, data: bytes) -> None:
        """Whatever has come."""
        self._callers.stats["bytes"] += len(data)
        self._lines.feed(data)
        if self._lines.endless:
            self.close("endless_line")
        else:
            self._work()

    def eof_received(self) -> bool:
        """The caller says no more, and may still listen."""
        self._lines.end()
        self._ended = True
        self._work()
        return True

    def pause_writing(self) -> None:
        """The caller does not take its answers: it is not read either."""
        self._untaken_since = self._loop.time()
        self._hold("answers")

    def resume_writing(self) -> None:
        """It does again."""
        self._untaken_since = 0.0
        self._unhold("answers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by whichever side. What was taken is published all the same."""
        self._transport = None
        self._callers.open.pop(self, None)
        self._callers.closed["error" if exc and self._reason == "peer" else self._reason] += 1
        self._callers.stats["unheard"] += self._unanswered
        if self._stuck is not None:
            self._stuck[1].forget_waiter(self._resume)

    # -- requests ----------------------------------------------------------------------------------

    def _work(self) -> None:
        """Take what has come, as far as there is room, and not all at once."""
        for _ in range(LINES_AT_ONCE):
            if self._closing or self._holds - {"turn"} or not self._lines:
                break
            self._line += 1
            self._take(self._lines.pop())
        if not self._lines:
            self._unhold("turn")
        elif not self._holds - {"turn"}:
            self._hold("turn")
            self._schedule()
        self._end_if_done()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._work()

    def _take(self, line: bytes | None) -> None:
        if not self._allowed:
            self._check_token(line)
            return
        if line is not None and not line.strip():
            return
        try:
            request, lane = self._relay.read(line, self._line)
        except Refusal as refusal:
            self._refuse(refusal)
            if refusal.code in (Code.BAD_REQUEST, Code.TOO_LARGE):
                self._bad += 1
                if self._bad >= BAD_MOST:
                    self.close("bad_lines")
            return
        self._bad = 0
        request.tell = self._told
        self._callers.stats["requests"] += 1
        self._unanswered += 1
        if not self._relay.submit(lane, request):
            self._callers.stats["pauses"] += 1
            self._stuck = request, lane
            self._hold("room")
            lane.on_room(self._resume)

    def _resume(self) -> None:
        """There is room, for one at least; perhaps somebody else was faster."""
        if self._stuck is None or self._transport is None:
            return
        request, lane = self._stuck
        if self._relay.stopping:
            lane.refuse(request, Code.STOPPING, "the server stops")
        elif not self._relay.submit(lane, request):
            lane.on_room(self._resume)
            return
        self._stuck = None
        self._unhold("room")

    def _check_token(self, line: bytes | None) -> None:
        shown = b"" if line is None else line.strip()
        if any(hmac.compare_digest(shown, token) for token in self._callers.tokens):
            self._allowed = True
            return
        self._relay.codes[Code.UNAUTHORIZED.word] += 1
        self._refuse(Refusal(Code.UNAUTHORIZED, "the first line must be the token"))
        self.close("unauthorized")

    # -- answers -----------------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        self._say(answer_line(refusal.id, refusal.code, refusal.detail))

    def _told(self, request: Request, code: Code, detail: str) -> None:
        if self._transport is not None:
            self._unanswered -= 1
            self._say(answer_line(request.id, code, detail))
            self._end_if_done()

    def _say(self, answer: bytes) -> None:
        if not self._answers:
            self._loop.call_soon(self._flush)
        self._answers.append(answer)

    def _flush(self) -> None:
        answers, self._answers = self._answers, []
        if self._transport is not None and answers:
            self._transport.write(b"".join(answers))

    def _end_if_done(self) -> None:
        """A caller that says no more is let go with its last answer."""
        if self._ended and not (self._unanswered or self._lines):
            self.close("done")

    # -- holding and closing -----------------------------------------------------------------------

    def _hold(self, reason: str) -> None:
        if self._transport is not None and reason not in self._holds:
            if not self._holds and not self._ended:
                self._transport.pause_reading()
            self._holds |= {reason}

    def _unhold(self, reason: str) -> None:
        if reason not in self._holds:
            return
        self._holds -= {reason}
        if self._holds - {"turn"} or self._closing:
            return
        if self._lines:  # what has come already is first
            self._holds = frozenset({"turn"})
            self._schedule()
        else:
            self._holds = frozenset()
            if not self._ended:
                assert self._transport is not None  # noqa: S101 - see _closing
                self._transport.resume_reading()

    @property
    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def check_age(self, now: float) -> None:
        """Close whoever shows no token, or does not take its answers. `now` is the loop's time."""
        if self._transport is None:
            return
        if self._closed_at:
            if now - self._closed_at > FLUSH_S:
                self._transport.abort()
        elif not self._allowed and now - self._opened > TOKEN_S:
            self.close("no_token")
        elif self._untaken_since and now - self._untaken_since > ANSWERS_S:
            self._reason = "slow"
            self._transport.abort()

    def close(self, reason: str) -> None:
        """Close after what has been said; the reason is counted."""
        if self._transport is not None and not self._closed_at:
            self._reason = reason
            self._closed_at = self._loop.time()
            self._flush()
            self._transport.close()
