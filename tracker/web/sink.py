"""The way of a frame to a viewer's socket: one system call, no task, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from aiohttp import web

CLOSE_TIMEOUT_S = 2.0  # for the peer's half of the closing handshake


class WritingProtocol(Protocol):
    """aiohttp's connection, as far as writing goes."""

    @property
    def writing_paused(self) -> bool:
        """Whether the transport holds more than it should."""
        ...


class SocketSink:
    """Where the hub writes a viewer's frames."""

    __slots__ = ("_closer", "_protocol", "_transport", "_ws")

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        protocol: WritingProtocol,
        ws: web.WebSocketResponse | None = None,
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._ws = ws
        self._closer: asyncio.Task[None] | None = None

    @property
    def paused(self) -> bool:
        """Whether the network does not take what was written already."""
        return self._protocol.writing_paused

    def write(self, data: bytes) -> None:
        """One frame."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self, code: int, reason: str) -> None:
        """Say why, wait a little for the peer, then cut."""
        if self._closer is None:
            self._closer = asyncio.create_task(self._close(code, reason))

    def abort(self) -> None:
        """Cut without a word."""
        self._transport.abort()

    async def _close(self, code: int, reason: str) -> None:
        if self._ws is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._ws.close(code=code, message=reason.encode()[:120])
        self._transport.abort()
