"""Commands to Suntech devices, in the form in which a device has spoken.

legacy      ST300CMD;id;02;word\\r      answered by ST300CMD;Res;id;software;word
universal   CMD;id;group;number\\r      answered by RES;id;group;number
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.suntech.link import Link

TEXT_MOST = 512
INTERVAL_MOST_S = 60_000  # the greatest that a driving vehicle's interval takes
CUSTOM = re.compile(r"(?:S[TA]\d{3,4}[A-Z]{3}|CMD);[ -~]+", re.ASCII)
ENVELOPE = 4  # fields of a command up to its word

# The words of a request for a status, whose answer is the next status: legacy, universal.
REPORT_WORDS = ("StatusReq", "03;01")


def worded(legacy: str, universal: str) -> Callable[[Link, Command], bytes]:
    """A command without parameters: its word, or its group and number."""
    return lambda link, command: link.order(command, universal if link.universal else legacy)


def interval(link: Link, command: Command) -> bytes:
    """RPT sets all parameters of reporting at once: as option `suntech_rpt` has them."""
    template = link.session.options.get("suntech_rpt")
    seconds = interval_s(command, INTERVAL_MOST_S)
    if link.universal or link.model is None or link.session.ident is None:
        raise CommandError("suntech: only devices of the legacy form take RPT")
    if not isinstance(template, str) or not template.isprintable() or not template.isascii():
        raise CommandError("suntech: RPT sets everything; set suntech_rpt")
    words = template.replace("{seconds}", str(seconds))
    head = f"{link.model}RPT"
    return link.line(command, f"{head};{link.session.ident};02;{words}", head)


def custom(link: Link, command: Command) -> bytes:
    """A whole line such as "ST300CMD;{id};02;Preset"; {id} is put in."""
    words = text_bytes(command, "ascii", TEXT_MOST).decode()
    if not CUSTOM.fullmatch(words):
        raise CommandError("a custom command is like ST300CMD;{id};02;Preset", value=words)
    line = words.replace("{id}", link.session.ident or "")
    fields = line.split(";")
    word = fields[0]
    if len(fields) >= ENVELOPE and word.endswith("CMD"):
        word = ";".join(fields[2:ENVELOPE]) if word == "CMD" else fields[ENVELOPE - 1]
    return link.line(command, line, word)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: worded(*REPORT_WORDS),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: worded("Reboot", "03;03"),
    CommandKind.ENGINE_CUT: worded("Enable1", "04;01"),
    CommandKind.ENGINE_RESTORE: worded("Disable1", "04;02"),
    CommandKind.CUSTOM: custom,
}
