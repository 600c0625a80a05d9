"""What a protocol can be asked to carry, found out by asking its encoder on a throwaway decoder.

So a command that cannot work is refused at once, wherever its device is. What only the real
connection knows (who is on it, which model) is assumed; where that turns out wrong the command
fails when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import NOTHING, Command, CommandKind
from tracker.protocols.base import Decoder, Family, Session
from tracker.protocols.castel.wire import SC_VERSIONS
from tracker.protocols.jt808.wire import Head
from tracker.protocols.publications import FOR_DEVICES
from tracker.protocols.registry import family as family_of

# Where the protocol of a device is not known yet: wider than any of them.
SECONDS_MOST = 2_592_000
TEXT_MOST = 4_096
NAMES = {
    CommandKind.INTERVAL: ("seconds",),
    CommandKind.TEXT: ("text",),
    CommandKind.CUSTOM: ("text",),
}
_2013 = -1  # "version" of a header of that edition
CASTEL_CC, CASTEL_SC = 1, min(SC_VERSIONS)


def check(
    protocol: str,
    device: str,
    kind: CommandKind,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any] = NOTHING,
) -> None:
    """Raises CommandError for a command that a device of this protocol cannot be given."""
    names = NAMES.get(kind, ())
    strange = [name for name in parameters if name not in names]
    if strange:
        wanted = f"takes {', '.join(names)}" if names else "takes no parameters"
        raise CommandError(f"{kind.value} {wanted}", value=strange[0])
    family = known(protocol)
    if family is None:
        _check_alone(kind, parameters)
        return
    refused: list[CommandError] = []
    for decoder in rehearse(family, device, options):
        try:
            decoder.encode(Command(kind, 1, parameters))
        except CommandError as exc:
            refused.append(exc)
        else:
            return
    raise refused[0]


def known(protocol: str) -> Family | None:
    """The protocol of this name; None for one that is not known (yet)."""
    try:
        return family_of(protocol)
    except KeyError:
        return None


def rehearse(
    family: Family, device: str, options: Mapping[str, Any] = NOTHING
) -> tuple[Decoder, ...]:
    """Decoders as if this device had just named itself to them: one for each of the forms that its
    protocol has, for which of them it speaks is not known beforehand.
    """
    forms = _HEARD.get(family.name, (lambda _link, _device: None,))
    found = []
    for heard in forms:
        decoder = family.decoder(Session(ident=device, options=options))
        heard(getattr(decoder, "link", None), device)
        found.append(decoder)
    return tuple(found)


def _jt808(link: Any, _device: str) -> None:
    link.head = Head(bytes(6), _2013)


def _queclink(link: Any, _device: str) -> None:
    link.device_type = "25"  # any model whose password is known


def _mqtt(link: Any, device: str) -> None:
    link.subscriptions[f"{device}/{FOR_DEVICES}"] = 1


def _cellocator(link: Any, _device: str) -> None:
    link.unit = 1


def _castel(version: int) -> Callable[[Any, str], None]:
    def heard(link: Any, device: str) -> None:
        link.version, link.id = version, device.encode("ascii", "replace")

    return heard


def _suntech_legacy(link: Any, _device: str) -> None:
    link.model = "ST300"


def _suntech_universal(link: Any, _device: str) -> None:
    link.universal = True


# What a device has said of itself when it can be commanded, by protocol and by form: without it an
# encoder says that nothing was heard.
_HEARD: Mapping[str, tuple[Callable[[Any, str], None], ...]] = {
    "jt808": (_jt808,),
    "queclink": (_queclink,),
    "mqtt": (_mqtt,),
    "cellocator": (_cellocator,),
    "castel": (_castel(CASTEL_CC), _castel(CASTEL_SC)),
    "suntech": (_suntech_legacy, _suntech_universal),
}


def _check_alone(kind: CommandKind, parameters: Mapping[str, Any]) -> None:
    if kind is CommandKind.INTERVAL:
        seconds = parameters.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise CommandError("seconds must be a whole number", value=seconds)
        if not 1 <= seconds <= SECONDS_MOST:
            raise CommandError(f"seconds must lie within 1..{SECONDS_MOST}", value=seconds)
    elif kind in NAMES:
        text = parameters.get("text")
        if not isinstance(text, str) or not 1 <= len(text) <= TEXT_MOST:
            raise CommandError(f"text must have 1 to {TEXT_MOST} characters", value=text)
