"""A tracker for tests, by the plainest protocol: the 0x55 frame over a real socket.

The frames are put together here from the protocol's text, not by the project's code.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from functools import reduce
from typing import Any

from tests.waiting import PATIENCE_S

VALID, IGNITION, STORED = 1, 2, 16  # bits of the status byte


def frame(command: int, payload: bytes = b"") -> bytes:
    """55, address, command, length, payload, XOR of all that."""
    head = bytes((0x55, 0x01, command, len(payload))) + payload
    return head + bytes((reduce(lambda a, b: a ^ b, head),))


def login(ident: str) -> bytes:
    return frame(0x03, ident.encode())


def heartbeat() -> bytes:
    return frame(0x02)


def position(
    time_s: float,
    lat: float,
    lon: float,
    *,
    speed_kmh: float = 36.5,
    course_deg: float = 90.0,
    status: int = VALID | IGNITION,
) -> bytes:
    payload = struct.pack(
        ">IiiHHhBB",
        int(time_s),
        round(lat * 1e6),
        round(lon * 1e6),
        round(speed_kmh * 10),
        round(course_deg * 10),
        50,
        9,
        status,
    )
    return frame(0x01, payload)


def ack(command: int, result: int = 0) -> bytes:
    return frame(0x81, bytes((command, result)))


class Device:
    """One connection. `ask` writes and waits for exactly the answer that is expected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, ident: str | None = None, **options: Any) -> Device:
        device = cls(*await asyncio.open_connection("127.0.0.1", port, **options))
        if ident is not None:
            await device.ask(login(ident), ack(0x03))
        return device

    @classmethod
    async def connect_narrow(cls, port: int, ident: str, **options: Any) -> Device:
        """One for which the kernel keeps little that is not read: by itself it takes megabytes,
        here with small windows and, by small segments, on the server's side as well.
        """
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
        device = cls(*await asyncio.open_connection(sock=narrow, **options))
        await device.ask(login(ident), ack(0x03))
        return device

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, data: bytes, expected: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            answer = await self.reader.readexactly(len(expected))
        assert answer == expected, answer.hex(" ")

    async def report(self, time_s: float, lat: float, lon: float, **options: float) -> None:
        """A position, acknowledged."""
        await self.ask(position(time_s, lat, lon, **options), ack(0x01))  # type: ignore[arg-type]

    async def closed(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.reader.read()
        await self.close()
        return data

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
