"""Paho's socket, watched by the event loop; and the one thread that paho needs, to connect in.

Paho opens and closes its socket by itself and says so by callbacks, some of them from the thread
that connects. Here they become readers and writers of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import structlog
from paho.mqtt.client import Client

WRITES_TO_DROP = (
    3  # the first of them finds the socket shut; the others are for nothing going wrong
)

_log = structlog.get_logger(__name__)


class LoopSocket:
    """The socket of one paho client."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._loop: asyncio.AbstractEventLoop
        self._home = 0  # the event loop's thread
        self._watched: int | None = None  # file descriptor
        self._held = False
        self._opening: threading.Thread | None = None
        self._ends = select.poll()
        client.on_socket_open = self._on_open
        client.on_socket_close = self._on_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    def start(self) -> None:
        """This is the loop."""
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()

    # -- connecting --------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a thread is still at work that nobody waits for any more."""
        return self._opening is not None and self._opening.is_alive()

    async def in_thread(self, work: Callable[[], None]) -> None:
        """Run what blocks. In a thread that is none of the pool's: a stop would wait for those."""
        done: asyncio.Future[None] = self._loop.create_future()

        def tell(error: Exception | None) -> None:
            if done.done():
                self.drop()  # it comes too late
            elif error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def run() -> None:
            error: Exception | None = None
            try:
                work()
            except Exception as exc:  # noqa: BLE001 - whatever it is, the waiting side is told
                error = exc
            self._at_home(tell, error)

        self._opening = threading.Thread(target=run, name=f"mqtt {self._name}", daemon=True)
        self._opening.start()
        await done

    def drop(self) -> None:
        """Close the socket, by paho's own hand: it finds that nothing can be written any more."""
        sock: Any = self._client.socket()
        if sock is None:
            return
        with contextlib.suppress(OSError, ValueError):
            sock.shutdown(socket.SHUT_RDWR)
        self._client.disconnect()
        for _ in range(WRITES_TO_DROP):
            if self._client.socket() is not None:
                self._client.loop_write()

    # -- reading and writing -----------------------------------------------------------------------

    def hold(self) -> None:
        """Do not read: TCP holds what the broker has to say."""
        if not self._held:
            self._held = True
            if self._watched is not None:
                self._loop.remove_reader(self._watched)

    def unhold(self) -> None:
        """Read again."""
        if self._held:
            self._held = False
            if self._watched is not None:
                self._loop.add_reader(self._watched, self._readable)

    def _readable(self) -> None:
        try:
            self._client.loop_read()
            sock = self._client.socket()
            while isinstance(sock, ssl.SSLSocket) and sock.pending() and not self._held:
                self._client.loop_read()  # bytes that no poll sees
                sock = self._client.socket()
        except Exception:  # noqa: BLE001 - paho meets bytes that are no MQTT with many of them
            _log.exception("mqtt.unreadable", broker=self._name)
            self.drop()
        else:
            self._look_for_reset()

    def _look_for_reset(self) -> None:
        """Read a connection that was reset to its end, without being called for it.

        Of a reset uvloop tells once, and never again, and then refuses to watch the descriptor. But
        paho takes a packet at a time, and before it finds the reset all that came earlier is read.
        """
        if self._watched is not None and self._ends.poll(0):
            self._loop.remove_reader(self._watched)
            self._loop.call_soon(self._read_on, self._client.socket())

    def _read_on(self, sock: Any) -> None:
        if self._is_open(sock) and not self._held:  # `unhold` goes on with it
            self._readable()

    def _writable(self) -> None:
        self._client.loop_write()

    # -- paho's callbacks --------------------------------------------------------------------------

    def _at_home(self, call: Callable[..., object], *values: object) -> None:
        """On the event loop: at once when this is its thread."""
        if threading.get_ident() == self._home:
            call(*values)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(call, *values)

    def _on_open(self, _client: Client, _data: object, sock: Any) -> None:
        self._at_home(self._watch, sock)

    def _watch(self, sock: Any) -> None:
        if not self._is_open(sock):
            return
        descriptor = self._watched = sock.fileno()
        self._ends.register(descriptor, 0)  # of interest are errors alone
        if not self._held:
            self._loop.add_reader(descriptor, self._readable)

    def _on_close(self, _client: Client, _data: object, _sock: Any) -> None:
        if self._watched is not None:
            self._loop.remove_reader(self._watched)
            self._ends.unregister(self._watched)
            self._watched = None

    def _on_register_write(self, _client: Client, _data: object, sock: Any) -> None:
        self._at_home(self._watch_for_room, sock)

    def _watch_for_room(self, sock: Any) -> None:
        if self._is_open(sock):
            self._loop.add_writer(sock.fileno(), self._writable)

    def _is_open(self, sock: Any) -> bool:
        """Whether it was not closed before its turn on the event loop came."""
        return sock is self._client.socket()

    def _on_unregister_write(self, _client: Client, _data: object, sock: Any) -> None:
        self._at_home(self._loop.remove_writer, sock.fileno())
