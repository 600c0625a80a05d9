"""Commands for devices that report by HTTP: each rides in the answer to a request.

    OwnTracks   [{"_type": "cmd", …}]                                  application/json
    JSON        {"commands": [{"id": 7, "type": …, "params": {…}}]}    application/json
    OsmAnd      the text of a custom command                           text/plain

The answer to a device without commands is in `EMPTY`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import orjson

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import text_bytes
from tracker.protocols.documents import wishes
from tracker.protocols.http.wire import JSON, Request, answer_of

TEXT = "text/plain; charset=utf-8"
NOT_ASKED = f"the device's requests do not ask for commands with Accept: {JSON}"


class Form(NamedTuple):
    """How answers of one dialect look."""

    encode: Callable[[Command], bytes]
    before: bytes = b""  # what stands around a command in the body
    behind: bytes = b""
    kind: str = TEXT  # of the content
    empty: bytes = b""  # the body without a command
    on_demand: bool = False  # commands come to those alone whose requests ask for them


def _owntracks(command: Command) -> bytes:
    """An object of the list, a custom text as well."""
    wish = wishes.of_owntracks(command)
    try:
        stated = orjson.loads(wish)
    except ValueError:
        stated = None
    if not isinstance(stated, dict):
        raise CommandError("OwnTracks takes a JSON object", value=wish.decode())
    return wish


def _osmand(command: Command) -> bytes:
    """The text as it is: what runs it is the device's own program."""
    if command.kind is not CommandKind.CUSTOM:
        raise CommandError(
            f"osmand has no command {command.kind}: an answer carries the device's own language",
            value=command.kind,
        )
    return text_bytes(command, "utf-8", wishes.TEXT_MOST)


def _flespi(command: Command) -> bytes:
    raise CommandError(
        "flespi passes on what devices say: commands are given to flespi itself", value=command.kind
    )


FORMS: Mapping[str, Form] = {
    # The list without anything is what an app wants where there are no friends.
    "owntracks": Form(_owntracks, b"[", b"]", JSON, b"[]"),
    "osmand": Form(_osmand),
    "flespi": Form(_flespi),
    "json": Form(wishes.plain, b'{"commands":[', b"]}", JSON, b'{"commands":[]}', on_demand=True),
}


class Answering(NamedTuple):
    """The answer to one request: room for a command, see `base.Room`."""

    form: Form
    wanted: bool  # the request asks for commands
    now: float
    close: bool

    def deaf(self, command: Command) -> str:  # noqa: ARG002 - it is the request that says
        """Why the device takes no command from it."""
        return "" if self.wanted else NOT_ASKED

    def encode(self, command: Command) -> bytes:
        """What carries a command. Raises CommandError."""
        return self.form.encode(command)

    def filled(self, frame: bytes) -> bytes:
        """The whole answer with a command."""
        body = self.form.before + frame + self.form.behind
        return answer_of(self.now, HTTPStatus.OK, body, self.form.kind, close=self.close)


def wants_commands(form: Form, request: Request) -> bool:
    """Whether a request asks for commands, in a form of its dialect."""
    return not form.on_demand or JSON in request.headers.get("accept", "").lower()
