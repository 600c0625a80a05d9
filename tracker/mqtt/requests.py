"""What a caller of the relay asks for and is told: one JSON object each, and a result code.

No I/O here: bytes in, a `Request` or a `Refusal` out, answers as bytes.
"""

from __future__ import annotations

import base64
import enum
import math
import re
from collections.abc import Callable
from typing import Any

import orjson

from tracker.brokers import TOPIC_MOST, Key, device_key

ID_MOST = 256  # bytes of a request's id as JSON: it is kept until the answer
LEVELS_MOST = 100  # of a topic; mosquitto ends the connection of whoever publishes to over 200
ENVELOPE = 2_048  # bytes of a line beside its message: id, device, topic and names
ESCAPED = 6  # the most bytes that JSON makes of one: \\u001f

# What MQTT 5.0 section 1.5.4 lets a broker end the connection for: the message would come again
# after the reconnect, and end that as well.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef]")
_NONCHARACTERS = 0xFFFE  # the last two of every plane
MISTAKE = "the server has made a mistake with it; its log says more"


class Code(enum.IntEnum):
    """What became of a request. The numbers are fixed; the words are the names."""

    OK = 0  # the broker has confirmed it
    BAD_REQUEST = 1
    NO_BROKER = 2  # no range holds the device
    AWAY = 3  # not published in time: the broker is away, or slower than its callers
    UNCONFIRMED = 4  # published, and not confirmed in time: it may have come or yet come
    TOO_LARGE = 5
    BUSY = 6  # there was no room in time
    UNAUTHORIZED = 7
    REFUSED = 8  # by the broker, for a reason of its own
    STOPPING = 9  # this server stops; not published
    INTERNAL = 10  # a mistake of ours; it may have been published

    @property
    def word(self) -> str:
        """The short stable word."""
        return self.name.lower()


class Refusal(Exception):  # noqa: N818 - not a fault of ours
    """A request that is not carried out."""

    def __init__(self, code: Code, detail: str, id_: Any = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.id = id_


class Request:
    """One message on its way to a broker. `begun` and `deadline` are seconds of `Relay.now`.

    `tell` is called once, with the code and a detail or "".
    """

    __slots__ = ("begun", "deadline", "device", "done", "id", "payload", "sent", "tell", "topic")

    def __init__(self, id_: Any, device: Key, topic: str, payload: bytes) -> None:
        self.id = id_
        self.device = device
        self.topic = topic
        self.payload = payload
        self.begun = 0.0
        self.deadline = math.inf  # until it is first tried
        self.sent = 0  # how often it went out
        self.done = False
        self.tell: Callable[[Request, Code, str], None] = _nobody

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.payload) + len(self.topic)

    def answer(self, code: Code, detail: str = "") -> None:
        """Tell whoever asked, once."""
        if not self.done:
            self.done = True
            self.tell(self, code, detail)


def _nobody(_request: Request, _code: Code, _detail: str) -> None:
    """Where nobody asks."""


def line_most(message_most: int) -> int:
    """The longest line that a request with a message of so many bytes can need."""
    return ESCAPED * message_most + ENVELOPE


def read_request(line: bytes, message_most: int, default_id: Any = None) -> Request:
    """A line as a request. Raises Refusal."""
    try:
        asked = orjson.loads(line)
    except ValueError as error:
        raise Refusal(Code.BAD_REQUEST, f"no JSON: {error}", default_id) from None
    return request_of(asked, message_most, default_id)


def request_of(asked: Any, message_most: int, default_id: Any = None) -> Request:
    """A JSON value as a request. Raises Refusal."""
    if not isinstance(asked, dict):
        raise Refusal(Code.BAD_REQUEST, "a request is a JSON object", default_id)
    id_ = asked.get("id", default_id)
    try:
        if not isinstance(id_, int) and len(_json(id_, "id")) > ID_MOST:
            raise ValueError(f"id: is longer than {ID_MOST} bytes")
    except ValueError as error:
        raise Refusal(Code.BAD_REQUEST, str(error), default_id) from None
    try:
        device = _device(asked.get("device_id"))
        topic = _topic(asked.get("topic"))
        payload = _payload(asked)
    except ValueError as error:
        raise Refusal(Code.BAD_REQUEST, str(error), id_) from None
    if len(payload) > message_most:
        detail = f"the message has {len(payload)} bytes, {message_most} are the most"
        raise Refusal(Code.TOO_LARGE, detail, id_)
    return Request(id_, device, topic, payload)


def _device(device_id: Any) -> Key:
    if isinstance(device_id, int) and not isinstance(device_id, bool):
        device_id = str(device_id)
    if not isinstance(device_id, str):
        raise ValueError("device_id: must be text or a whole number")
    try:
        return device_key(device_id)
    except ValueError as error:
        raise ValueError(f"device_id: {error}") from None


def _topic(topic: Any) -> str:
    if not isinstance(topic, str) or not topic:
        raise ValueError("topic: must be text")
    if len(topic.encode()) > TOPIC_MOST:
        raise ValueError(f"topic: is longer than {TOPIC_MOST} bytes")
    if "+" in topic or "#" in topic:
        raise ValueError("topic: must be one topic, without + and #")
    if topic[0] == "$":
        raise ValueError("topic: those with a $ are the broker's own")
    if topic.count("/") >= LEVELS_MOST:
        raise ValueError(f"topic: has more than {LEVELS_MOST} levels")
    if not topic.isascii() and any(ord(c) & _NONCHARACTERS == _NONCHARACTERS for c in topic):
        raise ValueError("topic: has a character that is none")
    if _FORBIDDEN.search(topic):
        raise ValueError("topic: has a control character, or one that is none")
    return topic


def _payload(asked: dict[str, Any]) -> bytes:
    if "message" not in asked:
        raise ValueError("message: is missing")
    message, encoding = asked["message"], asked.get("encoding")
    if encoding == "base64":
        if not isinstance(message, str):
            raise ValueError("message: must be text in base64")
        try:
            return base64.b64decode(message, validate=True)
        except ValueError as error:
            raise ValueError(f"message: no base64: {error}") from None
    if encoding is not None:
        raise ValueError("encoding: can only be base64")
    return message.encode() if isinstance(message, str) else _json(message, "message")


def _json(value: Any, member: str) -> bytes:
    """A value as JSON. Raises ValueError: more levels can be read than written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ValueError(f"{member}: is nested too deep") from None


def answer_line(id_: Any, code: Code, detail: str = "") -> bytes:
    """One line for the caller."""
    if not code and type(id_) is int:  # by far the most, and 64 bits or not
        return b'{"id":%d,"code":0,"result":"ok"}\n' % id_
    answer = {"id": id_, "code": int(code), "result": code.word}
    if detail:
        answer["detail"] = detail
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
