"""The certificate of the devices' ports: as it is on disk, renewed without a restart.

The files are looked at every few seconds. A new pair serves the connections that come from then
on; one that cannot be used changes nothing but a counter and the log.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections import Counter
from pathlib import Path
from typing import Literal

import structlog

from tracker.errors import ConfigError

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]

RENEWAL_LOOK_S = 10.0  # between two looks at the files
# What clients ask for, if anything, where HTTP or MQTT is inside; others get no answer to it.
ALPN = ["http/1.1", "mqtt"]

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD = ("1.0", "1.1")
# SHA-1 signatures, without which there is no TLS 1.1: OpenSSL 3 has them on this level only.
_OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"

_log = structlog.get_logger(__name__)


class Certificates:
    """The server's certificate as it is on disk, and the context that new connections get."""

    def __init__(
        self,
        certificate: Path,
        key: Path | None = None,
        client_ca: Path | None = None,
        minimum: TlsVersion = "1.2",
    ) -> None:
        self.stats: Counter[str] = Counter()  # renewals, failures
        self._certificate = certificate
        self._key = key or certificate
        self._client_ca = client_ca
        self._minimum = minimum
        self._seen = self._signature()
        self.context = self._load()

    def renew(self) -> bool:
        """Take a new pair if there is one; a bad one changes nothing. Blocks for the disk.

        Whether there is a new one. A pair whose halves are written one after the other is taken
        with the second: until then it fits nothing, and the old one holds.
        """
        seen = self._signature()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self.context = self._load()
        except ConfigError as exc:
            self.stats["failures"] += 1
            _log.error("tls.renewal_failed", error=exc.message)
            return False
        self.stats["renewals"] += 1
        _log.info("tls.renewed", certificate=str(self._certificate))
        return True

    async def watch(self, every_s: float = RENEWAL_LOOK_S) -> None:
        """Look for a new pair for ever."""
        while True:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.renew)

    def _signature(self) -> tuple[object, ...]:
        """What tells one state of the files from another."""
        found: list[object] = []
        for path in (self._certificate, self._key, self._client_ca):
            try:
                stat = path.stat() if path is not None else None
            except OSError:
                stat = None
            found.append(stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)

    def _load(self) -> ssl.SSLContext:
        """A context of what is on disk now. Raises ConfigError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            with warnings.catch_warnings():  # that 1.0 and 1.1 are old: whoever set them knows
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = _VERSIONS[self._minimum]
            if self._minimum in _OLD:
                context.set_ciphers(_OLD_CIPHERS)
            context.options |= ssl.OP_NO_RENEGOTIATION  # a handshake costs us more than the client
            context.set_alpn_protocols(ALPN)
            # A key with a password is refused: nobody is there to be asked for it.
            context.load_cert_chain(self._certificate, self._key, password="")
            if self._client_ca is not None:
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
            files = f"{self._certificate}, {self._key}"
            if self._client_ca is not None:
                files += f", {self._client_ca}"
            reason = getattr(exc, "strerror", None) or exc
            raise ConfigError(f"TRACKER_TLS_CERTIFICATE: {files}: {reason}") from None
        return context
