"""TLS towards a broker: whom to trust, and what we show."""

from __future__ import annotations

import ssl
from typing import Any, Self

from tracker.brokers import Broker


class TlsContext(ssl.SSLContext):
    """What a broker with TLS must show, and what we show it.

    It knows the newest socket: paho leaves one open whose handshake has failed.
    """

    def __new__(cls, broker: Broker) -> Self:  # noqa: ARG004 - ssl wants the protocol here
        """A context for a client, which asks for a certificate and for the host's name in it."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, broker: Broker) -> None:
        self._newest: ssl.SSLSocket | None = None
        if broker.ca_file is None:
            self.load_default_certs()
        else:
            self.load_verify_locations(broker.ca_file)
        if broker.cert_file is not None:
            self.load_cert_chain(broker.cert_file, broker.key_file)

    def wrap_socket(self, *values: Any, **named: Any) -> ssl.SSLSocket:
        """As ever."""
        self._newest = super().wrap_socket(*values, **named)
        return self._newest

    def close(self) -> None:
        """Close the newest socket."""
        if self._newest is not None:
            self._newest.close()
            self._newest = None
