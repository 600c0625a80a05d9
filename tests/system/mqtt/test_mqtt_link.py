"""The link to a broker against sockets that end as they do in accidents, on either event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
import uvloop

from tests.waiting import until
from tracker.brokers import RelayBroker
from tracker.mqtt.link import Link

CONNACK = bytes.fromhex("20020000")
MESSAGES = 300
PUBLISH = bytes.fromhex("300300") + b"\x01t"  # QoS 0, topic "t", no payload
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no goodbye


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("writing", [False, True])
def test_a_reset_behind_unread_messages_is_noticed(loop: str, *, writing: bool) -> None:
    """As of a broker that is restarted under load. What came before the reset still counts."""
    came = []
    writers = []  # also of those that the link has made again since

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(1_000)
        writer.write(CONNACK)
        await until(lambda: link.connected)
        writer.write(PUBLISH * MESSAGES)
        if writing:
            link.publish("t", bytes(100))
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async def run() -> None:
        nonlocal link
        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings = {"name": "x", "url": f"mqtt://127.0.0.1:{port}", "version": "3.1.1"}
        link = Link(RelayBroker.model_validate(settings), "test", session_s=60)
        link.on_message = came.append
        link.start()
        try:
            await until(lambda: link.stats["losses"] >= 1, within_s=20)  # less than its keep-alive
            assert len(came) >= MESSAGES or writing
        finally:
            await link.close()
            server.close()
            for writer in writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    link: Link
    if loop == "uvloop":
        uvloop.run(run())
    else:
        asyncio.run(run())
