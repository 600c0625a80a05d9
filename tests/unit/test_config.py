"""Settings: where they come from, their limits, and errors that name the key and the value."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from tracker.config import Config, is_loopback, load, parse_address, unknown_settings
from tracker.errors import ConfigError


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """No variables of whoever runs the tests, and an empty working folder."""
    for name in list(os.environ):
        if name.upper().startswith("TRACKER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


# Where they come from -----------------------------------------------------------------------------


def test_without_anything_set_the_defaults_hold():
    config = load()
    assert (config.http, config.devices, config.bus) == (
        "127.0.0.1:8080", "127.0.0.1:9501", "memory://",
    )  # fmt: skip
    assert {name: getattr(config, name) for name in Config.model_fields} == {
        name: field.default for name, field in Config.model_fields.items()
    }


def test_arguments_beat_variables_beat_the_file_beats_defaults(monkeypatch):
    Path("tracker.toml").write_text('title = "file"\nzoom = 7\nmax_devices = 9\n')
    monkeypatch.setenv("TRACKER_ZOOM", "8")
    monkeypatch.setenv("TRACKER_MAX_DEVICES", "10")
    config = load(max_devices=11)
    assert (config.title, config.zoom, config.max_devices) == ("file", 8, 11)
    assert config.max_viewers == 6_000


def test_another_file_can_be_named(monkeypatch, tmp_path):
    Path("tracker.toml").write_text('title = "here"\n')
    other = tmp_path / "other.toml"
    other.write_text('title = "there"\n')
    monkeypatch.setenv("TRACKER_CONFIG", str(other))
    assert load().title == "there"
    monkeypatch.setenv("TRACKER_CONFIG", "")  # as good as not set
    assert load().title == "here"


def test_a_named_file_must_be_there(monkeypatch):
    monkeypatch.setenv("TRACKER_CONFIG", "nowhere.toml")
    with pytest.raises(ConfigError, match=r"nowhere\.toml") as caught:
        load()
    assert caught.value.value == "nowhere.toml"


def test_a_file_that_is_no_toml():
    Path("tracker.toml").write_text("title = \n")
    with pytest.raises(ConfigError, match=r"tracker\.toml: "):
        load()


def test_a_named_file_that_cannot_be_read(monkeypatch):
    monkeypatch.setenv("TRACKER_CONFIG", "/proc/self/mem")
    with pytest.raises(ConfigError, match="/proc/self/mem: "):
        load()


def test_an_unknown_key_of_the_file_is_an_error_and_an_unknown_variable_is_told(monkeypatch):
    monkeypatch.setenv("TRACKER_TITEL", "x")
    monkeypatch.setenv("TRACKER_TITLE", "x")
    monkeypatch.setenv("TRACKER_CONFIG", "")
    load()
    assert unknown_settings() == ["TRACKER_TITEL"]
    Path("tracker.toml").write_text('titel = "x"\n')
    with pytest.raises(ConfigError, match="TRACKER_TITEL: "):
        load()


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load().title = "x"  # type: ignore[misc]


def test_secrets_are_not_shown():
    config = load(admin_token="hush-1", secret="hush-2")
    assert "hush" not in repr(config) + str(config)
    assert config.admin_token is not None
    assert config.admin_token.get_secret_value() == "hush-1"


# Limits -------------------------------------------------------------------------------------------

BOUNDS = [
    (name, type(bound).__name__, getattr(bound, type(bound).__name__.lower()))
    for name, field in Config.model_fields.items()
    for bound in field.metadata
    if type(bound).__name__ in ("Ge", "Gt", "Le")
]


@pytest.mark.parametrize(("name", "kind", "bound"), BOUNDS)
def test_beyond_its_limit_a_setting_is_refused(name, kind, bound, monkeypatch):
    wrong = {"Ge": bound - 1, "Gt": bound, "Le": bound + 1}[kind]
    monkeypatch.setenv(f"TRACKER_{name.upper()}", str(wrong))
    with pytest.raises(ConfigError, match=f"^TRACKER_{name.upper()}: ") as caught:
        load()
    assert caught.value.value == str(wrong)


def test_every_number_has_limits():
    numbers = {
        name
        for name, field in Config.model_fields.items()
        if field.annotation in (int, float, int | None, float | None)
    }
    assert len(numbers) > 20
    assert {name for name, kind, _ in BOUNDS if kind != "Le"} == numbers
    assert {name for name, kind, _ in BOUNDS if kind == "Le"} == numbers


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "", "x", "1e999"])
@pytest.mark.parametrize(
    "name", [n for n, f in Config.model_fields.items() if f.annotation in (float, float | None)]
)
def test_what_is_no_number_is_refused(name, text, monkeypatch):
    monkeypatch.setenv(f"TRACKER_{name.upper()}", text)
    with pytest.raises(ConfigError, match=f"^TRACKER_{name.upper()}: "):
        load()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"http": "8080"}, "HTTP"),
        ({"devices": "127.0.0.1:http"}, "DEVICES"),
        ({"bus": "kafka://x"}, "BUS"),
        ({"bus": "redis:6379"}, "BUS"),
        ({"store": "mysql://x"}, "STORE"),
        ({"tile_url": "ftp://x"}, "TILE_URL"),
        ({"tile_url": "javascript:alert(1)//https://"}, "TILE_URL"),
        ({"title": ""}, "TITLE"),
        ({"node": "n" * 65}, "NODE"),
        ({"admin_token": ""}, "ADMIN_TOKEN"),
        ({"secret": ""}, "SECRET"),
        ({"unknown_devices": "maybe"}, "UNKNOWN_DEVICES"),
        ({"language": "tlh"}, "LANGUAGE"),
        ({"log_level": "loud"}, "LOG_LEVEL"),
    ],
)
def test_values_that_cannot_be(settings, key):
    with pytest.raises(ConfigError, match=f"^TRACKER_{key}: "):
        load(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"still_below_kmh": 6}, "still_below_kmh must not be above moving_above_kmh"),
        ({"offline_after_s": 59}, "offline_after_s must not be below"),
        ({"offline_after_s": 419}, "offline_after_s must not be below"),
        ({"settle_ms": 200, "tick_interval_s": 0.2}, "the tick must be longer than the 200 ms"),
        ({"bus": "redis://x", "tick_interval_s": 0.1}, "the tick must be longer than the 150 ms"),
    ],
)
def test_settings_that_contradict_each_other(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        load(**settings)


def test_settings_that_just_do_not():
    load(still_below_kmh=5, offline_after_s=420, settle_ms=199, tick_interval_s=0.2)
    load(tick_interval_s=0.1)


# Addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
    ],
)
def test_addresses(text, parsed):
    assert parse_address(text) == parsed


@pytest.mark.parametrize(
    "text", ["", ":", "8080", ":8080", "localhost", "localhost:", "a:65536", "a:-1", "a:1.5", "a:٣"]
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="is not host:port"):
        parse_address(text)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("LocalHost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.1.5:1", False),
        ("tracker.example:1", False),
        ("127.evil.example:1", False),
    ],
)
def test_what_can_be_reached_from_here_only(address, here):
    assert is_loopback(address) == here
    for key in ("http", "devices"):
        if here:
            load(**{key: address})
        else:
            with pytest.raises(ConfigError, match=f"^{key}=.*allow_public_without_login"):
                load(**{key: address})
        assert getattr(load(**{key: address}, allow_public_without_login=True), key) == address


# What follows from them ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "settle_s"),
    [
        ({}, 0.0),
        ({"bus": "memory://shared"}, 0.0),
        ({"bus": "redis://x"}, 0.15),
        ({"bus": "rediss://x"}, 0.15),
        ({"bus": "redis://x", "settle_ms": 0}, 0.0),
        ({"settle_ms": 300}, 0.3),
    ],
)
def test_how_long_other_nodes_are_waited_for(settings, settle_s):
    assert load(**settings).settle_s == settle_s


def test_the_store_is_a_file_in_the_data_folder_unless_one_is_set():
    assert load().store_url == "sqlite:///data/tracker.sqlite"
    assert load(data="/var/lib/t").store_url == "sqlite:////var/lib/t/tracker.sqlite"
    assert load(store="postgresql://h/db").store_url == "postgresql://h/db"


def test_two_nodes_of_one_machine_have_two_names():
    host = socket.gethostname().split(".")[0]
    assert load().node_name == f"{host}:8080"
    assert load(http="127.0.0.1:8081").node_name == f"{host}:8081"
    assert load(node="north-1").node_name == "north-1"
