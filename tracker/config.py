"""Settings: frozen, checked at start, each with a default, limits and a heading in docs/config.md.

They come from `TRACKER_*` variables, else from `tracker.toml` in the working folder (or the file
that `TRACKER_CONFIG` names), else from the defaults here.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tracker.errors import ConfigError


def parse_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as (host, port). Raises ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port")
    return host, int(port)


def _address(text: str) -> str:
    parse_address(text)
    return text


def is_loopback(text: str) -> bool:
    """Whether an address of the form host:port can be reached from this machine only."""
    host, _ = parse_address(text)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: it may mean anything, but for one
        return host.lower() == "localhost"


def _known_scheme(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if url and not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with one of {', '.join(s + '://' for s in schemes)}")
        return url

    return AfterValidator(check)


Address = Annotated[str, AfterValidator(_address)]


class Config(BaseSettings):
    """Everything that can be set. Build it with `load`, which turns errors into ConfigError."""

    model_config = SettingsConfigDict(
        env_prefix="TRACKER_", frozen=True, extra="forbid", toml_file="tracker.toml"
    )

    # Addresses and parts
    http: Address = "127.0.0.1:8080"
    devices: Address = "127.0.0.1:9501"
    bus: Annotated[str, _known_scheme("memory", "redis", "rediss")] = "memory://"
    store: Annotated[str, _known_scheme("sqlite", "postgresql")] = ""
    data: Path = Path("data")
    node: str = Field("", max_length=64)
    allow_public_without_login: bool = False
    admin_token: SecretStr | None = Field(None, min_length=1)
    secret: SecretStr | None = Field(None, min_length=1)

    # Devices
    unknown_devices: Literal["auto", "pending", "reject"] = "auto"
    protocol_options: dict[str, Any] = {}
    heartbeat_s: float = Field(0.0, ge=0, le=3600)
    max_devices: int = Field(15_000, ge=1, le=1_000_000)
    max_devices_per_address: int = Field(12_000, ge=1, le=1_000_000)
    max_new_devices_per_minute: int = Field(12_000, ge=1, le=1_000_000)
    max_vehicles: int = Field(100_000, ge=1, le=10_000_000)
    frame_timeout_s: float = Field(30.0, ge=1, le=600)
    clock_ahead_s: float = Field(120.0, ge=1, le=86_400)
    max_speed_kmh: float = Field(1_000.0, ge=1, le=100_000)

    # States of a vehicle
    moving_above_kmh: float = Field(5.0, gt=0, le=100)
    still_below_kmh: float = Field(3.0, gt=0, le=100)
    idle_after_s: float = Field(60.0, ge=0, le=3600)
    parked_after_s: float = Field(300.0, ge=0, le=86_400)
    stale_after_s: float = Field(60.0, ge=1, le=86_400)
    stale_parked_after_s: float = Field(420.0, ge=1, le=86_400)
    offline_after_s: float = Field(900.0, ge=1, le=604_800)

    # The tick and its viewers
    tick_interval_s: float = Field(1.0, ge=0.1, le=60)
    settle_ms: int = Field(-1, ge=-1, le=900)
    max_viewers: int = Field(6_000, ge=1, le=1_000_000)
    max_viewers_per_address: int = Field(6_000, ge=1, le=1_000_000)
    viewer_behind_ticks: int = Field(2, ge=1, le=60)
    viewer_close_after_s: float = Field(30.0, ge=1, le=600)

    # The journal
    journal_linger_ms: int = Field(25, ge=0, le=50)
    journal_max_pending: int = Field(50_000, ge=100, le=10_000_000)

    # The history
    retention_days: float = Field(0.0, ge=0, le=36_500)
    retention_days_by_fleet: dict[str, float] = {}

    # The page
    title: str = Field("Tracker", min_length=1, max_length=80)
    language: Literal["", "en", "zh-CN"] = ""
    center_lat: float | None = Field(None, ge=-90, le=90)
    center_lon: float | None = Field(None, ge=-180, le=180)
    zoom: int | None = Field(None, ge=0, le=22)
    tile_url: Annotated[str, _known_scheme("http", "https")] = ""
    tile_attribution: str = ""
    tile_coordinate_system: Literal["wgs84", "gcj02", "bd09"] = "wgs84"
    tile_max_zoom: int = Field(19, ge=1, le=24)
    tile_subdomains: str = "abc"
    tile_tms: bool = False

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.still_below_kmh > self.moving_above_kmh:
            raise ValueError("still_below_kmh must not be above moving_above_kmh")
        if self.offline_after_s < max(self.stale_after_s, self.stale_parked_after_s):
            raise ValueError("offline_after_s must not be below the stale_… times")
        if self.settle_s >= self.tick_interval_s:
            raise ValueError(
                f"the tick must be longer than the {self.settle_s * 1000:g} ms of settle_ms"
            )
        if not self.allow_public_without_login:
            for key in ("http", "devices"):
                if not is_loopback(getattr(self, key)):
                    raise ValueError(
                        f"{key}={getattr(self, key)} would be reachable from other machines, and "
                        "there are no accounts yet: set allow_public_without_login if you mean it"
                    )
        return self

    @property
    def node_name(self) -> str:
        """The name of this node: host and port, which no two nodes share, unless one is set."""
        if self.node:
            return self.node
        return f"{socket.gethostname().split('.')[0]}:{parse_address(self.http)[1]}"

    @property
    def settle_s(self) -> float:
        """How long after the tick other nodes' batches are waited for."""
        if self.settle_ms >= 0:
            return self.settle_ms / 1000
        return 0.0 if self.bus.startswith("memory") else 0.15

    @property
    def store_url(self) -> str:
        """The history's address; a file in the data folder unless one is set."""
        return self.store or f"sqlite:///{self.data / 'tracker.sqlite'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the name is the caller's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the file."""
        file = os.environ.get("TRACKER_CONFIG") or "tracker.toml"
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def load(**overrides: Any) -> Config:
    """The settings of this process. Raises ConfigError naming the key and the value."""
    path = os.environ.get("TRACKER_CONFIG")
    if path and not Path(path).is_file():
        raise ConfigError(f"TRACKER_CONFIG names {path}, which is not a file", value=path)
    try:
        return Config(**overrides)
    except ValidationError as exc:
        first = exc.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"TRACKER_{key.upper()}: " if key else ""
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}{message}", value=first.get("input")) from None
    except (ValueError, OSError) as exc:  # a file that is no TOML, or may not be read
        raise ConfigError(f"{path or 'tracker.toml'}: {exc}") from None


def unknown_settings() -> list[str]:
    """TRACKER_* variables that are no setting: worth a warning, most likely a slip of the pen."""
    known = {f"TRACKER_{key.upper()}" for key in Config.model_fields} | {"TRACKER_CONFIG"}
    return sorted(k for k in os.environ if k.startswith("TRACKER_") and k not in known)
