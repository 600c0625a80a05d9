"""What a setting says of JSON that is nobody's protocol: which topics, and what stands where in it.

A `JsonMapping` names, for the topics that its filter matches, the path of each value within the
JSON of a message. Here they are checked; `protocols/documents/mapped.py` reads by them. A path is
member names and list places (`payload.position[0].lat`, a name with strange characters in quotes:
`payload["lat.deg"]`), or `topic[1]` for a level of the topic, the first being 0. The topics of
commands have the level `{device}` in place of the device's identity.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

TOPIC_MOST = 512  # characters of a topic filter: several times what anybody uses
PATH_MOST = 256
STEPS_MOST = 16  # of a path: JSON of devices is not deep
ATTRIBUTES_MOST = 100  # of a mapping: as many as are kept of any report
DEVICE_LEVEL = "{device}"  # of the topics of commands: stands for the identity
SECRET_MOST = 32  # bytes of an OwnTracks secret: those of a key

_STEP = re.compile(r'\.?(?P<name>[^\s.\[\]"]+)|\[(?P<place>\d{1,4})\]|\["(?P<quoted>[^"]+)"\]')
_LEVEL = re.compile(r"topic\[(\d{1,3})\]")
_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.#:-]{0,63}", re.ASCII)

Steps = tuple[str | int, ...]


def path_steps(path: str) -> Steps:
    """The member names and list places of a path. Raises ValueError."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or (found["name"] and (path[at] == ".") != bool(at)):
            raise ValueError(f"{path!r} is no path: cannot read {path[at:]!r}")
        place = found["place"]
        steps.append(int(place) if place else found["name"] or found["quoted"])
        at = found.end()
    if not 1 <= len(steps) <= STEPS_MOST:
        raise ValueError(f"{path!r} is no path: it has 1 to {STEPS_MOST} steps")
    return tuple(steps)


def topic_level(path: str) -> int | None:
    """The level of the topic that a path of the form `topic[1]` names; None for another path."""
    found = _LEVEL.fullmatch(path)
    return None if found is None else int(found[1])


def filter_levels(topic_filter: str) -> tuple[str, ...]:
    """The levels of an MQTT topic filter (MQTT 5.0 section 4.7). Raises ValueError."""
    levels = tuple(topic_filter.split("/"))
    if not topic_filter or "\0" in topic_filter:
        raise ValueError("a topic filter is not empty")
    for place, level in enumerate(levels):
        last = place == len(levels) - 1
        if (len(level) > 1 and ("+" in level or "#" in level)) or (level == "#" and not last):
            raise ValueError(f"{topic_filter!r}: + is a whole level, # a whole level at the end")
    return levels


def command_levels(topic: str) -> tuple[str, ...]:
    """The levels of a topic of commands, one of them `{device}`. Raises ValueError."""
    levels = filter_levels(topic)
    if levels.count(DEVICE_LEVEL) != 1 or "+" in levels or "#" in levels or levels[0][:1] == "$":
        raise ValueError(f"{topic!r}: one level is {DEVICE_LEVEL}, and none a wildcard")
    return levels


def _checked_path(path: str) -> str:
    path_steps(path)
    return path


def _checked_filter(topic_filter: str) -> str:
    filter_levels(topic_filter)
    return topic_filter


def _checked_topic(topic: str) -> str:
    command_levels(topic)
    return topic


def _checked_secret(secret: SecretStr) -> SecretStr:
    if not 1 <= len(secret.get_secret_value().encode()) <= SECRET_MOST:
        raise ValueError(f"a secret of OwnTracks has 1 to {SECRET_MOST} bytes")
    return secret


OwnTracksSecret = Annotated[SecretStr, AfterValidator(_checked_secret)]
Path = Annotated[str, Field(max_length=PATH_MOST), AfterValidator(_checked_path)]
Filter = Annotated[str, Field(max_length=TOPIC_MOST), AfterValidator(_checked_filter)]
Topic = Annotated[str, Field(max_length=TOPIC_MOST), AfterValidator(_checked_topic)]


class JsonMapping(BaseModel):
    """One mapping. Only `topic` and `device` must be there; without `lat` it is all heartbeats."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    topic: Filter
    device: Path  # the identity, below `items` where there are several
    items: Path | None = None  # the list of reports, where the payload is not the report itself
    time: Path | None = None  # without one the moment of reception holds
    time_format: Literal["auto", "unix", "unix_ms", "rfc3339"] = "auto"
    lat: Path | None = None
    lon: Path | None = None
    coordinate_scale: float = Field(
        default=1.0, gt=0, le=1
    )  # degrees of one unit: 1e-7 for integers
    speed: Path | None = None
    speed_unit: Literal["kmh", "ms", "kn", "mph"] = "kmh"
    course: Path | None = None
    altitude: Path | None = None
    satellites: Path | None = None
    valid: Path | None = None
    ignition: Path | None = None
    alarm: Path | None = None
    attributes: dict[str, Path] = Field(default={}, max_length=ATTRIBUTES_MOST)
    command_topic: Topic | None = None  # where its devices listen for commands
    ack_topic: Topic | None = None  # where they say what has become of them

    @model_validator(mode="after")
    def _consistent(self) -> JsonMapping:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon come together")
        for name in self.attributes:
            if not _ATTRIBUTE.fullmatch(name):
                raise ValueError(f"attributes: {name!r} is no name")
        if self.command_topic is not None and self.command_topic == self.ack_topic:
            raise ValueError("command_topic and ack_topic are two topics")
        levels = filter_levels(self.topic)
        for path in (self.device, self.alarm, *self.attributes.values()):
            level = None if path is None else topic_level(path)
            if level is not None and level >= len(levels) and levels[-1] != "#":
                raise ValueError(f"{path}: a topic of {self.topic} has {len(levels)} levels")
        return self
