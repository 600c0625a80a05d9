"""A process that connects many sockets to a port and throws away all that comes."""

from __future__ import annotations

import selectors
import socket
import sys


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    selector = selectors.DefaultSelector()
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    print("connected", flush=True)
    buffer = bytearray(1 << 18)
    open_sockets = count
    while open_sockets:
        for key, _ in selector.select():
            try:
                size = key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if not size:
                selector.unregister(key.fileobj)
                open_sockets -= 1


if __name__ == "__main__":
    main()
