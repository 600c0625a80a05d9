"""The ports of the devices: which protocols each is for, whether with TLS, and with what options.

The port of `devices` is for everything, told apart by the first bytes. A port of `device_ports`
has a list of what may come; with one name on it there is nothing to tell apart, and the bytes go
to that protocol's decoder at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tracker.config import Config, DevicePort, parse_address
from tracker.errors import ConfigError, DecodeError
from tracker.model import NOTHING, Command
from tracker.protocols.base import Decoder, Family, Match, Message, Session
from tracker.protocols.detect import detect
from tracker.protocols.registry import FAMILIES

EVERYTHING = "*"  # in a list of names


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a port makes of the first bytes; without both, more are needed."""

    family: Family | None = None
    refused: Literal["", "unknown", "not_allowed"] = ""
    protocol: str = ""  # that was recognised where it is not allowed


@dataclass(frozen=True, slots=True, eq=False)
class Port:
    """One address that devices come to, by TCP and by UDP."""

    host: str = "127.0.0.1"
    number: int = 0  # 0: whichever is free
    families: tuple[Family, ...] = FAMILIES
    tls: Literal["refused", "accepted", "required"] = "accepted"
    options: Mapping[str, Any] = NOTHING  # beside the node's, and before them

    @property
    def address(self) -> str:
        """host:port, as it is set."""
        return f"[{self.host}]:{self.number}" if ":" in self.host else f"{self.host}:{self.number}"

    @property
    def by_datagrams(self) -> bool:
        """Whether it is open for UDP: where TLS is demanded there is none, for it needs TCP."""
        return self.tls != "required" and any(f.carrier is None for f in self.families)

    def allows(self, name: str) -> bool:
        """Whether a protocol may come here."""
        return any(family.name == name for family in self.families)

    def judge(self, data: bytes, *, datagram: bool = False) -> Verdict:
        """Which protocol begins with these bytes. An end of line may be missing in a datagram."""
        families = self.families
        if datagram:  # what needs a connection to carry it cannot come in one
            families = tuple(family for family in families if family.carrier is None)
        if len(families) == 1:
            return Verdict(families[0]) if data else Verdict()
        found, hopeless = _tell(data, families, datagram=datagram)
        if found is not None:
            return Verdict(found)
        other = self.other(data, datagram=datagram)
        if other is not None:
            return Verdict(refused="not_allowed", protocol=other.name)
        return Verdict(refused="unknown") if hopeless or datagram else Verdict()

    def other(self, data: bytes, *, datagram: bool = False) -> Family | None:
        """The protocol that these bytes certainly are, where it may not come here."""
        if len(self.families) == len(FAMILIES):
            return None
        if any(family.probe(data) is Match.YES for family in self.families):
            return None
        found, _ = _tell(data, FAMILIES, datagram=datagram)
        return None if found is None or found in self.families else found

    def decoder(self, family: Family, session: Session) -> Decoder:
        """A decoder that lets nothing through but what may come here."""
        decoder = family.decoder(session)
        carried = [one for one in FAMILIES if one.carrier == family.carrier is not None]
        if all(one in self.families for one in carried):
            return decoder
        return _Strict(decoder, self)


OPEN_PORT = Port()  # for everything


class _Strict:
    """A decoder of several protocols of one carrier, on a port that is not for all of them."""

    __slots__ = ("_inner", "_port", "name")

    def __init__(self, inner: Decoder, port: Port) -> None:
        self.name = inner.name  # of the newest message's protocol
        self._inner = inner
        self._port = port

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._inner.receive_data(data)

    def next_message(self) -> Message | None:
        """The next message; DecodeError for one of a protocol that may not come here."""
        message = self._inner.next_message()
        self.name = self._inner.name
        if message is not None and not self._port.allows(self.name):
            raise DecodeError("not_allowed", f"{self.name} may not come to this port")
        return message

    def encode(self, command: Command) -> bytes:
        """The frame that carries a command. Raises CommandError."""
        return self._inner.encode(command)

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return self._inner.buffered


def _tell(data: bytes, families: Sequence[Family], *, datagram: bool) -> tuple[Family | None, bool]:
    """The protocol, and whether none can be told any more."""
    try:
        found = detect(data, families)
        if found is None and datagram:
            found = detect(data + b"\r\n", families)
    except DecodeError:
        return None, True
    return found, False


def device_ports(config: Config) -> list[Port]:
    """The port of everything, then those of `device_ports`. Raises ConfigError."""
    host, number = parse_address(config.devices)
    return [
        Port(host, number, tls="accepted"),
        *(_dedicated(address, port, config) for address, port in config.device_ports.items()),
    ]


def _dedicated(address: str, port: DevicePort, config: Config) -> Port:
    host, number = parse_address(address)
    if port.tls != "refused" and config.tls_certificate is None:
        raise ConfigError(
            f"TRACKER_DEVICE_PORTS: {address}: there is no TLS without tls_certificate",
            value=address,
        )
    return Port(host, number, _families(address, port.protocols), port.tls, port.options)


def _families(address: str, names: Sequence[str]) -> tuple[Family, ...]:
    """The protocols that are meant, in the order of the registry. Raises ConfigError."""
    chosen: set[str] = set()
    for name in names:
        meant = {f.name for f in FAMILIES if name in (f.name, f.carrier, EVERYTHING)}
        if name == EVERYTHING:
            meant = {family.name for family in FAMILIES}
        if not meant:
            known = ", ".join(sorted(family.name for family in FAMILIES))
            raise ConfigError(
                f"TRACKER_DEVICE_PORTS: {address}: no protocol {name!r}; there are {known}",
                value=name,
            )
        chosen |= meant
    return tuple(family for family in FAMILIES if family.name in chosen)
