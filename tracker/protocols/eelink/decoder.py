"""The decoder of one connection, or of the datagrams of one source, that speaks Eelink."""

from __future__ import annotations

from collections.abc import Iterator

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Login, Message, Refused
from tracker.protocols.eelink import commands, first, messages
from tracker.protocols.eelink.said import SILENT
from tracker.protocols.eelink.wire import (
    FRAMING,
    PACKAGE_HEAD,
    WRAPPERS,
    Link,
    Package,
    ack,
    fault,
    imei,
    probe,
    unpack,
    unwrap,
)
from tracker.protocols.framing import PacketDecoder
from tracker.protocols.stream import STUMBLES, Outcome, after_login, items, merged, stumble

HANDLERS = merged(messages.HANDLERS, first.HANDLERS, commands.HANDLERS)


class EelinkDecoder(PacketDecoder):
    """Decoder of one connection. Options: docs/protocols/eelink.md."""

    name = "eelink"
    framing = FRAMING
    link_type = Link
    COMMANDS = commands.COMMANDS

    def cut(self) -> bytes | None:
        """The next package, wrapper or datagram.

        Inside an incomplete or damaged wrapper only another wrapper is looked for: the packages in
        it have no sum of their own, and would be taken for right ones.
        """
        if self.udp:
            return self._datagram()
        self.framing = WRAPPERS if self.buffer.data[:1] == b"E" else FRAMING
        if self._runs_over():
            raise self._skip("length")
        return super().cut()

    def _runs_over(self) -> bool:
        """Whether the length of the package at the front is a lie that its content does not tell:
        no mark stands behind it, and another package begins inside.
        """
        data = self.buffer.data
        if data[:2] != b"\x67\x67" or len(data) < PACKAGE_HEAD:
            return False
        size = FRAMING.size(data, 0)
        if size <= 0 or len(data) <= size or FRAMING.start.match(data, size):
            return False
        at = FRAMING.next_start(data, 1)
        while at < size:
            if FRAMING.whole(data, at) == "":
                return True
            at = FRAMING.next_start(data, at + 1)
        return False

    def _datagram(self) -> bytes | None:
        """A datagram is a wrapper or a package, whole; nothing of a damaged one is believed."""
        if not self.datagrams:
            return None
        data = self.datagrams.popleft()
        if not data.startswith((b"EL", b"\x67\x67")) or FRAMING.size(data, 0) != len(data):
            raise DecodeError("length", f"eelink: not a datagram: {len(data)} bytes", data)
        wrong = fault(data)
        if wrong:
            raise DecodeError(wrong, "eelink: a damaged datagram", data)
        return data

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one package or wrapper; none before the device has named itself."""
        if frame[0] == 0x45:
            self.link.wrapped = True
            packages = tuple(unwrap(frame))
            return after_login(self.session, imei(frame[6:14]), lambda: self._each(packages))
        self.link.wrapped = False
        package = unpack(frame)
        outcome = self._handle(package)
        if self.session.ident is None and not isinstance(outcome, Login):
            raise DecodeError("login", f"eelink: {package.kind:02x} before login", frame)
        return outcome

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        """A package with impossible content is acknowledged: it would be no better when sent again,
        and the device would send nothing else.
        """
        if frame[0] == 0x45 or self.session.ident is None:
            return None
        return turned_down(unpack(frame), error)

    def _handle(self, package: Package) -> Outcome:
        return HANDLERS.get(package.kind, messages.unknown)(self.link, package)

    def _each(self, packages: tuple[Package, ...]) -> Iterator[Message | DecodeError]:
        """What all packages of a wrapper say; a bad one does not cost the others."""
        for package in packages:
            try:
                outcome = self._handle(package)
            except STUMBLES as error:
                wrong = stumble(self.name, error)
                yield wrong
                yield from filter(None, (turned_down(package, wrong),))
                continue
            yield from items(outcome)


def turned_down(package: Package, error: DecodeError) -> Message | None:
    """The answer to a package whose content is impossible."""
    if error.kind != "field" or package.kind in SILENT:
        return None
    return Refused(ack(package), reason=error.kind)


FAMILY = Family(
    name="eelink",
    title="Eelink",
    probe=probe,
    decoder=EelinkDecoder,
    heartbeat_s=300.0,  # devices are shipped with a heartbeat of 3 to 5 minutes
)
