"""Settings of MQTT brokers: where each one is, which devices it serves, what is read from it.

A relay broker has a range of device ids. Ids are compared in the form in which the registry
compares identities: without spaces around and without regard to case, and those of digits alone as
numbers. A range lies wholly within the numbers or wholly within the texts, both ends included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from tracker.mappings import filter_levels

DEVICE_ID_MOST = 64  # characters, as of an identity in the registry
TOPIC_MOST = 1_024  # bytes: several times what any device uses, far below MQTT's 65,535
TOPICS_MOST = 32  # filters of one source
PORTS = {"mqtt": 1883, "mqtts": 8883}

Key = tuple[int, int, str]  # numbers before texts, each in its own order


def device_key(device_id: str) -> Key:
    """Where an id stands in the order of all ids. Raises ValueError for what is no id."""
    text = device_id.strip().lower()
    if not text or len(text) > DEVICE_ID_MOST or not text.isprintable():
        raise ValueError(f"a device id is 1 to {DEVICE_ID_MOST} printable characters")
    if text.isascii() and text.isdigit():
        return (0, int(text), "")
    return (1, 0, text)


def parse_url(url: str) -> tuple[bool, str, int]:
    """(TLS, host, port) of `mqtt://host:port` or `mqtts://…`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be mqtt://host:port or mqtts://host:port")
    if "@" in parts.netloc:
        raise ValueError("must not carry a password: there are username and password for that")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must end with the port")
    return parts.scheme == "mqtts", parts.hostname, parts.port or PORTS[parts.scheme]


def _checked_url(url: str) -> str:
    parse_url(url)
    return url


def check_filter(topic: str) -> str:
    """A topic filter that may be subscribed, `$share/group/` included. Raises ValueError."""
    if len(topic.encode()) > TOPIC_MOST:
        raise ValueError(f"{topic!r} is no topic: it is longer than {TOPIC_MOST} bytes")
    shared = topic.split("/", 2)
    if shared[0] != "$share":
        filter_levels(topic)
        return topic
    if len(shared) < 3 or not shared[1] or re.search(r"[+#\0]", shared[1]):
        raise ValueError(f"{topic!r}: a shared subscription is $share/group/topic")
    filter_levels(shared[2])
    return topic


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Url = Annotated[str, Field(max_length=300), AfterValidator(_checked_url)]
Filter = Annotated[str, AfterValidator(check_filter)]


class Broker(BaseModel):
    """A broker and how to come to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    url: Url
    username: str = Field("", max_length=256)
    password: SecretStr | None = None
    client_id: str = Field("", max_length=128)  # empty: of the node's name and this one's
    version: Literal["5", "3.1.1"] = "5"
    ca_file: Path | None = None  # whom to trust with mqtts; None: whom the system trusts
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file: needs cert_file")
        if self.password is not None and not self.username:
            raise ValueError("password: needs username")
        return self

    @property
    def address(self) -> tuple[bool, str, int]:
        """(TLS, host, port)."""
        return parse_url(self.url)


class RelayBroker(Broker):
    """A broker that takes messages for the devices of a range; without one for all devices."""

    first: str = ""
    last: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.first and not self.last:
            return self
        low, high = device_key(self.first), device_key(self.last)
        if low[0] != high[0]:
            raise ValueError(f"{self.first} to {self.last}: both must be numbers, or both texts")
        if low > high:
            raise ValueError(f"{self.first} to {self.last}: the first must not be after the last")
        return self

    @property
    def ends(self) -> tuple[Key, Key]:
        """Between which ids its devices lie, both included."""
        if not self.first:
            return ((0, 0, ""), (2, 0, ""))
        return device_key(self.first), device_key(self.last)


class Source(Broker):
    """A broker from which positions come."""

    topics: list[Filter] = Field(min_length=1, max_length=TOPICS_MOST)
    commands: bool = False  # whether commands to its devices are published there


def check_brokers(brokers: Sequence[RelayBroker]) -> None:
    """No name twice, no device in two ranges. Raises ValueError."""
    _names_once(brokers)
    ranges = sorted((*one.ends, one.name) for one in brokers)
    for (_, high, one), (low, _, other) in pairwise(ranges):
        if low <= high:
            raise ValueError(f"the ranges of {one} and {other} overlap")


def check_sources(sources: Sequence[Source]) -> None:
    """No name twice. Raises ValueError."""
    _names_once(sources)


def _names_once(brokers: Sequence[Broker]) -> None:
    names = sorted(one.name for one in brokers)
    for one, other in pairwise(names):
        if one == other:
            raise ValueError(f"the name {one} is there twice")
