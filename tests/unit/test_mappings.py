"""Mappings of the settings: what may be stated, and errors that name what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tracker.config import load
from tracker.errors import ConfigError
from tracker.mappings import (
    ATTRIBUTES_MOST,
    STEPS_MOST,
    JsonMapping,
    filter_levels,
    path_steps,
    topic_level,
)

LEAST = {"topic": "fleet/+/position", "device": "topic[1]"}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("lat", ("lat",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0].b[12][3]", ("a", 0, "b", 12, 3)),
        ('a["b.c d"].e', ("a", "b.c d", "e")),
        ('["x"]', ("x",)),
        ("[0].a", (0, "a")),
        ("temp_c-01", ("temp_c-01",)),
        ("名.值", ("名", "值")),
    ],
)
def test_paths(path: str, steps: tuple[str | int, ...]) -> None:
    assert path_steps(path) == steps


@pytest.mark.parametrize(
    "path", ["", ".", ".a", "a.", "a..b", "a b", "a[", "a[x]", "a[-1]", 'a[""]', "a]", "a[0]b",
             ".".join("a" * (STEPS_MOST + 1)), 'a["b'],
)  # fmt: skip
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        path_steps(path)


def test_levels_of_a_topic() -> None:
    assert [topic_level(path) for path in ("topic[0]", "topic[12]", "topic", "a.topic[1]")] == [
        0, 12, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("topic", ["", "a+", "a/#/b", "#a", "a/b#", "a/+b", "a\0b"])
def test_what_is_no_filter(topic: str) -> None:
    with pytest.raises(ValueError, match=r"filter|whole level"):
        filter_levels(topic)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"topic": "a/#/b"}, "topic"),
        ({"device": "topic[3]"}, "has 3 levels"),
        ({"device": None}, "device"),
        ({"lat": "lat"}, "lat and lon"),
        ({"speed_unit": "mach"}, "speed_unit"),
        ({"time_format": "iso"}, "time_format"),
        ({"coordinate_scale": 0}, "coordinate_scale"),
        ({"coordinate_scale": 10}, "coordinate_scale"),
        ({"attributes": {"Température": "t"}}, "no name"),
        ({"attributes": {"a": "b..c"}}, "attributes"),
        ({"attributes": {f"a{n}": "a" for n in range(ATTRIBUTES_MOST + 1)}}, "attributes"),
        ({"attributes": {"group": "topic[7]"}}, "has 3 levels"),
        ({"latitude": "lat"}, "latitude"),
        ({"lat": 1, "lon": 2}, "lat"),
    ],
)
def test_what_a_mapping_cannot_say(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        JsonMapping(**{**LEAST, **wrong})


def test_behind_a_last_wildcard_there_may_be_any_level() -> None:
    mapping = JsonMapping(topic="fleet/#", device="topic[7]")
    assert mapping.device == "topic[7]"


# Through the settings -----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRACKER_CONFIG", raising=False)


def test_the_file_and_the_variable_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tracker.toml").write_text(
        '[[mqtt_mappings]]\ntopic = "fleet/+/position"\ndevice = "topic[1]"\n'
        'coordinate_scale = 1e-7\n[mqtt_mappings.attributes]\nfuel_percent = "tank.level"\n'
    )
    from_file = load().mqtt_mappings
    said = {**LEAST, "coordinate_scale": 1e-7, "attributes": {"fuel_percent": "tank.level"}}
    monkeypatch.setenv("TRACKER_MQTT_MAPPINGS", json.dumps([said]))
    assert load().mqtt_mappings == from_file == [JsonMapping(**said)]


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("MQTT_MAPPINGS", [{**LEAST, "lat": "a..b", "lon": "c"}], r"MQTT_MAPPINGS\.0\.LAT"),
        ("MQTT_MAPPINGS", [LEAST, {"topic": "a"}], r"MQTT_MAPPINGS\.1\.DEVICE"),
        ("MQTT_MAPPINGS", [LEAST] * 101, "MQTT_MAPPINGS"),
        ("MQTT_MAPPINGS", [{**LEAST, "command_topic": "a/b"}], r"MQTT_MAPPINGS\.0\.COMMAND_TOPIC"),
        ("MQTT_MAPPINGS", [{**LEAST, "ack_topic": "{device}/+"}], r"MQTT_MAPPINGS\.0\.ACK_TOPIC"),
        (
            "MQTT_MAPPINGS",
            [{**LEAST, "command_topic": "a/{device}", "ack_topic": "a/{device}"}],
            r"MQTT_MAPPINGS\.0: .*two topics",
        ),
        ("OWNTRACKS_SECRETS", {"jane": "x" * 33}, r"OWNTRACKS_SECRETS\.JANE: .*1 to 32 bytes"),
        ("OWNTRACKS_SECRETS", {"jane": ""}, r"OWNTRACKS_SECRETS\.JANE: .*1 to 32 bytes"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, named: str
) -> None:
    monkeypatch.setenv(f"TRACKER_{name}", json.dumps(value))
    with pytest.raises(ConfigError, match=f"^TRACKER_{named}"):
        load()


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_MQTT_MAPPINGS", "[{")
    with pytest.raises(ConfigError, match=r"^TRACKER_MQTT_MAPPINGS: is no JSON: "):
        load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_OWNTRACKS_SECRETS", '{"jane": "hush-1"}')
    monkeypatch.setenv("TRACKER_MQTT_USERS", '{"jane": "hush-2"}')
    config = load()
    assert "hush" not in repr(config) + str(config.owntracks_secrets) + str(config.mqtt_users)
    monkeypatch.setenv("TRACKER_OWNTRACKS_SECRETS", json.dumps({"jane": "hush" * 9}))
    with pytest.raises(ConfigError) as caught:
        load()
    assert "hush" not in str(caught.value)
