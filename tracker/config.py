"""Settings: frozen, checked at start, each with a default, limits and a heading in docs/config.md.

They come from `TRACKER_*` variables, else from `tracker.toml` in the working folder (or the file
that `TRACKER_CONFIG` names), else from the defaults here.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from tracker.brokers import RelayBroker, Source, check_brokers, check_sources
from tracker.errors import ConfigError
from tracker.mappings import JsonMapping, OwnTracksSecret


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


def _brokers(brokers: list[RelayBroker]) -> list[RelayBroker]:
    check_brokers(brokers)
    return brokers


def _sources(sources: list[Source]) -> list[Source]:
    check_sources(sources)
    return sources


class DevicePort(BaseModel):
    """One of `device_ports`: what may come to an address. A list of names is short for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocols: tuple[str, ...] = Field(min_length=1)
    tls: Literal["refused", "accepted", "required"] = "refused"
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """`tls` among the names of the short form says that it is accepted."""
        if not isinstance(value, list):
            return value
        names = [name for name in value if name != "tls"]
        return {"protocols": names, "tls": "accepted" if "tls" in value else "refused"}


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
    mqtt_mappings: list[JsonMapping] = Field([], max_length=100)
    mqtt_users: dict[str, SecretStr] = Field({}, max_length=100_000)
    owntracks_secrets: dict[str, OwnTracksSecret] = Field({}, max_length=100_000)
    device_ports: dict[Address, DevicePort] = {}
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    tls_minimum: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    max_tls_handshakes: int = Field(1_000, ge=1, le=100_000)
    login_timeout_s: float = Field(30.0, ge=0.1, le=600)
    heartbeat_s: float = Field(0.0, ge=0, le=3600)
    max_devices: int = Field(15_000, ge=1, le=1_000_000)
    max_devices_per_address: int = Field(12_000, ge=1, le=1_000_000)
    max_new_devices_per_minute: int = Field(12_000, ge=1, le=1_000_000)
    max_vehicles: int = Field(100_000, ge=1, le=10_000_000)
    frame_timeout_s: float = Field(30.0, ge=1, le=600)
    max_datagram_bytes: int = Field(8_192, ge=64, le=65_507)
    max_datagram_sources: int = Field(20_000, ge=1, le=1_000_000)
    datagram_source_forget_s: float = Field(600.0, ge=1, le=86_400)
    max_new_datagram_sources_per_minute: int = Field(12_000, ge=1, le=10_000_000)
    clock_ahead_s: float = Field(120.0, ge=1, le=86_400)
    max_speed_kmh: float = Field(1_000.0, ge=1, le=100_000)

    # Commands
    command_answer_s: float = Field(60.0, ge=1, le=3600)
    command_expires_s: float = Field(86_400.0, ge=1, le=2_592_000)
    engine_cut_expires_s: float = Field(900.0, ge=1, le=86_400)
    engine_cut_max_speed_kmh: float = Field(20.0, ge=0, le=300)
    engine_cut_speed_age_s: float = Field(300.0, ge=1, le=86_400)
    max_open_commands: int = Field(20, ge=1, le=1_000)
    command_history_days: float = Field(365.0, ge=0, le=36_500)

    # Brokers: where positions come from, and where messages are relayed to
    mqtt_sources: Annotated[list[Source], AfterValidator(_sources)] = Field([], max_length=100)
    relay: Annotated[str, AfterValidator(lambda text: text and _address(text))] = ""
    relay_brokers: Annotated[list[RelayBroker], AfterValidator(_brokers)] = Field(
        [], max_length=100
    )
    relay_token: SecretStr | None = Field(None, min_length=1)
    relay_deadline_s: float = Field(20.0, ge=0.1, le=300)
    relay_window: int = Field(500, ge=1, le=10_000)
    relay_max_waiting: int = Field(10_000, ge=1, le=100_000)
    relay_max_message_bytes: int = Field(65_536, ge=1, le=524_288)

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
        for key in ("tls_key", "tls_client_ca"):
            if getattr(self, key) is not None and self.tls_certificate is None:
                raise ValueError(f"{key} is of no use without tls_certificate")
        if not self.allow_public_without_login:
            addresses = [("http", self.http), ("devices", self.devices)]
            addresses += [("device_ports", address) for address in self.device_ports]
            for key, address in addresses:
                if not is_loopback(address):
                    raise ValueError(
                        f"{key}={address} would be reachable from other machines, and "
                        "there are no accounts yet: set allow_public_without_login if you mean it"
                    )
        if self.relay and not self.relay_brokers:
            raise ValueError("relay is of no use without relay_brokers")
        if self.relay and not is_loopback(self.relay) and not self.relay_tokens:
            raise ValueError(
                f"relay={self.relay} would be reachable from other machines: set relay_token"
            )
        return self

    @property
    def relay_tokens(self) -> tuple[bytes, ...]:
        """What the relay's callers may show as their first line; none: nobody is asked."""
        tokens = (self.relay_token, self.admin_token)
        return tuple(one.get_secret_value().encode() for one in tokens if one is not None)

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
    except SettingsError as exc:  # of a variable that had to be JSON
        named = re.search(r'field "(\w+)"', str(exc))
        where = f"TRACKER_{named[1].upper()}" if named else str(exc)
        raise ConfigError(f"{where}: is no JSON: {exc.__cause__}") from None
    except (ValueError, OSError) as exc:  # a file that is no TOML, or may not be read
        raise ConfigError(f"{path or 'tracker.toml'}: {exc}") from None


def unknown_settings() -> list[str]:
    """TRACKER_* variables that are no setting: worth a warning, most likely a slip of the pen."""
    known = {f"TRACKER_{key.upper()}" for key in Config.model_fields} | {"TRACKER_CONFIG"}
    return sorted(k for k in os.environ if k.startswith("TRACKER_") and k not in known)
