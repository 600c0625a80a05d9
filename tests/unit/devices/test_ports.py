"""What a port makes of first bytes, and what the settings make of ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.devices import login
from tracker.config import DevicePort, load
from tracker.devices.ports import Port, Verdict, device_ports
from tracker.errors import ConfigError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Session
from tracker.protocols.registry import FAMILIES, family

GT06 = bytes.fromhex("78780D0103563070424410130001D4A90D0A")
WIALON = b"#L#356307042441013;NA\r\n"
OSMAND = b"GET /?id=77&lat=46&lon=14 HTTP/1.1\r\nHost: x\r\n\r\n"
OWNTRACKS = (
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Limit-U: ann\r\nX-Limit-D: phone\r\n"
    b"Content-Length: 71\r\n\r\n"
    b'{"_type":"location","lat":46.05,"lon":14.5,"tst":1740000000,"tid":"an"}'
)


def port(*names: str, **more: Any) -> Port:
    return Port(families=tuple(family(name) for name in names), **more)


def names(verdict: Verdict) -> tuple[str | None, str, str]:
    found = None if verdict.family is None else verdict.family.name
    return found, verdict.refused, verdict.protocol


@pytest.mark.parametrize(
    ("here", "data", "verdict"),
    [
        (Port(), GT06, ("gt06", "", "")),
        (Port(), b"", (None, "", "")),
        (Port(), GT06[:5], (None, "", "")),
        (Port(), b"\xff\xfe" * 64, (None, "unknown", "")),
        (port("gt06", "jt808"), GT06, ("gt06", "", "")),
        (port("gt06", "jt808"), GT06[:5], (None, "", "")),
        (port("gt06", "jt808"), WIALON, (None, "not_allowed", "wialon")),
        (port("gt06", "jt808"), OSMAND, (None, "not_allowed", "osmand")),
        (port("gt06", "jt808"), b"\xff\xfe" * 64, (None, "unknown", "")),
        (port("osmand", "flespi"), OSMAND, ("osmand", "", "")),
        (port("osmand", "flespi"), OWNTRACKS, (None, "not_allowed", "owntracks")),
        (port("gt06"), b"", (None, "", "")),
        (port("gt06"), b"\xff", ("gt06", "", "")),  # there is nothing to tell apart
        (port("gt06"), WIALON, ("gt06", "", "")),
    ],
)
def test_first_bytes(here: Port, data: bytes, verdict: tuple[str | None, str, str]) -> None:
    assert names(here.judge(data)) == verdict


@pytest.mark.parametrize(
    ("here", "data", "verdict"),
    [
        (Port(), login("1001"), ("frame55", "", "")),
        (Port(), WIALON.strip(), (None, "", "")),
        (Port(), GT06[:5], (None, "unknown", "")),  # nothing more of it will come
        (Port(), OSMAND, (None, "unknown", "")),
        (port("gt06", "jt808"), login("1001"), (None, "not_allowed", "frame55")),
        (port("frame55", "osmand"), b"\xff", ("frame55", "", "")),  # the only one that can
    ],
)
def test_a_datagram(here: Port, data: bytes, verdict: tuple[str | None, str, str]) -> None:
    found = names(here.judge(data, datagram=True))
    if data == WIALON.strip():  # an end of line may be missing
        assert found == ("wialon", "", "")
    else:
        assert found == verdict


def test_who_else_it_is() -> None:
    """Asked where a protocol was not looked for and nothing came of its decoder."""
    assert port("gt06").other(WIALON) is family("wialon")
    assert port("gt06").other(GT06) is None
    assert port("gt06").other(b"\xff\xfe" * 64) is None
    assert port("gt06", "wialon").other(WIALON) is None
    assert Port().other(WIALON) is None


def test_a_carriers_next_request_may_not_be_anothers() -> None:
    here = port("osmand")
    decoder = here.decoder(family("osmand"), Session(now=1_740_000_000.0))
    decoder.receive_data(OSMAND)
    assert decoder.next_message() is not None
    while decoder.next_message() is not None:
        assert decoder.name == "osmand"
    decoder.receive_data(OWNTRACKS)
    with pytest.raises(DecodeError) as caught:
        decoder.next_message()
    assert caught.value.kind == "not_allowed"
    assert decoder.name == "owntracks"
    assert not here.allows(decoder.name)
    assert decoder.buffered == 0


def test_a_decoder_is_bare_where_nothing_can_come_of_it() -> None:
    bare = type(family("gt06").decoder(Session()))
    assert type(port("gt06", "osmand").decoder(family("gt06"), Session())) is bare
    assert type(Port().decoder(family("osmand"), Session())).__name__ == "HttpDecoder"
    strict = port("osmand").decoder(family("osmand"), Session())
    with pytest.raises(Exception, match="osmand"):
        strict.encode(Command(CommandKind.LOCATE))


# -- settings --------------------------------------------------------------------------------------


def of_settings(ports: dict[str, Any], **more: Any) -> list[Port]:
    return device_ports(load(device_ports=ports, **more))


def test_by_default_there_is_one_port_for_everything() -> None:
    (only,) = device_ports(load())
    assert (only.address, only.families, only.tls) == ("127.0.0.1:9501", FAMILIES, "accepted")
    assert only.by_datagrams


def test_the_short_form(tmp_path: Path) -> None:
    certificate = {"tls_certificate": tmp_path / "c.pem"}
    _, gt06, tel = of_settings(
        {"127.0.0.1:5023": ["gt06"], "[::1]:5027": ["teltonika", "tls"]}, **certificate
    )
    assert (gt06.address, [f.name for f in gt06.families]) == ("127.0.0.1:5023", ["gt06"])
    assert (tel.address, [f.name for f in tel.families]) == ("[::1]:5027", ["teltonika"])
    assert (gt06.tls, tel.tls) == ("refused", "accepted")
    assert gt06.by_datagrams
    assert tel.by_datagrams


def test_the_long_form(tmp_path: Path) -> None:
    setting = {"protocols": ["*"], "tls": "required", "options": {"frame55_ack": "echo"}}
    certificate = {"tls_certificate": tmp_path / "c.pem"}
    _, strict = of_settings({"127.0.0.1:5000": setting}, **certificate)
    assert strict.families == FAMILIES
    assert strict.options == {"frame55_ack": "echo"}
    assert not strict.by_datagrams  # UDP has no TLS


def test_a_carrier_stands_for_what_it_carries() -> None:
    _, http = of_settings({"127.0.0.1:5055": ["http"]})
    assert {f.carrier for f in http.families} == {"http"}
    assert len(http.families) == len([f for f in FAMILIES if f.carrier == "http"])
    assert not http.by_datagrams


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_DEVICE_PORTS", '{"127.0.0.1:5023": ["gt06"]}')
    assert load().device_ports == {"127.0.0.1:5023": DevicePort(protocols=("gt06",))}


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ({"127.0.0.1:5023": ["gt6"]}, r"127\.0\.0\.1:5023: no protocol 'gt6'; there are .*gt06"),
        ({"127.0.0.1:5023": ["gt06", "tls"]}, "there is no TLS without tls_certificate"),
        ({"127.0.0.1:5023": {"protocols": ["gt06"], "tls": "required"}}, "no TLS without"),
        ({"127.0.0.1:5023": []}, "TRACKER_DEVICE_PORTS.*at least 1"),
        ({"127.0.0.1:5023": ["tls"]}, "TRACKER_DEVICE_PORTS.*at least 1"),
        ({"127.0.0.1:5023": {"protocols": ["gt06"], "tsl": "required"}}, "TRACKER_DEVICE_PORTS"),
        ({"127.0.0.1:5023": {"protocols": ["gt06"], "tls": "maybe"}}, "TRACKER_DEVICE_PORTS"),
        ({"127.0.0.1": ["gt06"]}, "is not host:port"),
        ({"0.0.0.0:5023": ["gt06"]}, r"device_ports=0\.0\.0\.0:5023.*allow_public_without_login"),
    ],
)
def test_what_cannot_be(ports: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        of_settings(ports)


def test_beyond_this_machine_only_when_it_is_meant() -> None:
    ports = of_settings({"0.0.0.0:5023": ["gt06"]}, allow_public_without_login=True)
    assert ports[1].host == "0.0.0.0"


@pytest.mark.parametrize("key", ["tls_key", "tls_client_ca"])
def test_parts_of_tls_need_a_certificate(key: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key} is of no use without tls_certificate"):
        load(**{key: "x.pem"})
