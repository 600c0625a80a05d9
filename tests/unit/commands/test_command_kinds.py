"""What a device can be asked is what its encoder takes, whichever protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.commands import kinds, life
from tracker.commands.rehearsal import check
from tracker.errors import CommandError
from tracker.model import CommandKind
from tracker.protocols.registry import FAMILIES

ABLE = [
    "frame55",
    "gt06",
    "jt808",
    "teltonika",
    "h02",
    "watch",
    "meitrack",
    "queclink",
    "gps103",
    "tk103",
]
SAMPLES: dict[CommandKind, dict[str, Any]] = {
    CommandKind.INTERVAL: {"seconds": 60},
    CommandKind.TEXT: {"text": "hello"},
}


def described(protocol: str, **options: Any) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in kinds.describe(protocol, "356307042441013", options)}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_protocol_says_what_it_can(family: Any) -> None:
    found = described(family.name)
    assert list(found) == [kind.value for kind in CommandKind]
    for kind, one in found.items():
        assert one["supported"] is (one["reason"] is None)
        assert one["dangerous"] is (CommandKind(kind) in life.DANGEROUS)
        if not one["supported"]:
            assert one["parameters"] == []
            with pytest.raises(CommandError):
                check(
                    family.name,
                    "356307042441013",
                    CommandKind(kind),
                    SAMPLES.get(CommandKind(kind), {}),
                )
        elif kind != "custom":
            check(
                family.name,
                "356307042441013",
                CommandKind(kind),
                SAMPLES.get(CommandKind(kind), {}),
            )


@pytest.mark.parametrize("protocol", ABLE)
def test_devices_of_common_protocols_can_be_located_before_they_have_come(protocol: str) -> None:
    assert described(protocol)["locate"]["supported"]
    assert described(protocol)["custom"]["supported"]


@pytest.mark.parametrize(
    ("protocol", "most"),
    [
        ("frame55", 65_535),
        ("gt06", 18_000),
        ("jt808", 86_400),
        ("gps103", 99 * 3600),
        ("h02", 65_535),
    ],
)
def test_the_limits_are_those_of_the_encoder(protocol: str, most: int) -> None:
    (seconds,) = described(protocol)["interval"]["parameters"]
    assert seconds == {"name": "seconds", "type": "integer", "minimum": 1, "maximum": most}
    check(protocol, "356307042441013", CommandKind.INTERVAL, {"seconds": most})
    with pytest.raises(CommandError):
        check(protocol, "356307042441013", CommandKind.INTERVAL, {"seconds": most + 1})


def test_the_length_of_a_text_is_that_of_the_encoder() -> None:
    for protocol, most in (("frame55", 255), ("watch", 100), ("jt808", 1024)):
        (text,) = described(protocol)["text"]["parameters"]
        assert text == {"name": "text", "type": "string", "min_length": 1, "max_length": most}


def test_devices_that_ask_get_what_an_answer_can_carry() -> None:
    able = {
        name: {kind for kind, one in described(name).items() if one["supported"]}
        for name in ("osmand", "owntracks", "json", "flespi")
    }
    assert able == {
        "osmand": {"custom"}, "owntracks": {"locate", "interval", "custom"},
        "json": {kind.value for kind in CommandKind}, "flespi": set(),
    }  # fmt: skip
    assert "flespi itself" in described("flespi")["locate"]["reason"]


def test_an_app_is_told_from_other_devices_by_its_name() -> None:
    app = {one["kind"]: one for one in kinds.describe("mqtt", "owntracks/jane/phone")}
    assert {kind for kind, one in app.items() if one["supported"]} == {
        "locate", "interval", "custom",
    }  # fmt: skip
    assert all(one["supported"] for one in described("mqtt").values())


def test_what_cannot_be_reached_says_why() -> None:
    found = kinds.describe(
        "mqtt",
        "van-7",
        barred=lambda kind: "by this broker" if kind is CommandKind.ENGINE_CUT else "",
        silent={CommandKind.REBOOT},
    )
    by_kind = {one["kind"]: one for one in found}
    assert by_kind["engine_cut"]["reason"] == "by this broker"
    assert not by_kind["engine_cut"]["supported"]
    assert by_kind["reboot"]["supported"]
    assert [one["kind"] for one in found if not one["replies"]] == ["reboot"]


def test_silence_is_told_beforehand() -> None:
    assert described("gps103")["locate"]["replies"] is False
    assert described("gps103")["engine_cut"]["replies"] is True
    assert described("xexun")["engine_cut"]["replies"] is False
    assert all(protocol in {f.name for f in FAMILIES} for protocol, _ in kinds.SILENT)


def test_options_of_the_node_count() -> None:
    assert not described("queclink")["interval"]["supported"]
    template = "AT+GTFRI={password},1,,,,,,{seconds},,,,,,,,,,,,,{serial}$"
    assert described("queclink", queclink_fri=template)["interval"]["supported"]


@pytest.mark.parametrize("protocol", ["", "a protocol of tomorrow"])
def test_an_unknown_protocol_is_asked_when_it_is_known(protocol: str) -> None:
    assert all(one["supported"] for one in described(protocol).values())
    check(protocol, "d", CommandKind.INTERVAL, {"seconds": 30})
    check(protocol, "d", CommandKind.CUSTOM, {"text": "anything"})
    for kind, parameters in (
        (CommandKind.INTERVAL, {}),
        (CommandKind.INTERVAL, {"seconds": True}),
        (CommandKind.INTERVAL, {"seconds": 2_592_001}),
        (CommandKind.TEXT, {"text": ""}),
        (CommandKind.TEXT, {"text": 7}),
    ):
        with pytest.raises(CommandError):
            check(protocol, "d", kind, parameters)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (CommandKind.LOCATE, {"seconds": 1}),
        (CommandKind.INTERVAL, {"seconds": 30, "text": "x"}),
        (CommandKind.TEXT, {"words": "x"}),
    ],
)
def test_parameters_that_a_kind_has_not_are_refused(kind: CommandKind, parameters: Any) -> None:
    with pytest.raises(CommandError, match="takes"):
        check("frame55", "d", kind, parameters)


CANNOT = {"flespi"}  # whose devices are commanded elsewhere
NOT_HEARD = ("not been heard", "not spoken", "not said", "not named itself", "not subscribed")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_protocol_refuses_because_its_device_was_not_heard_yet(family: Any) -> None:
    """Whoever asks does so before the device has come; what it has said is assumed."""
    found = described(family.name)
    assert not [one["reason"] for one in found.values() if _unheard(one["reason"])]
    assert any(one["supported"] for one in found.values()) is (family.name not in CANNOT)
    assert found["custom"]["supported"] is (family.name not in CANNOT)


def _unheard(reason: str | None) -> bool:
    return any(words in (reason or "") for words in NOT_HEARD)


def test_a_protocol_of_several_forms_takes_what_one_of_them_can() -> None:
    castel = described("castel")
    assert castel["locate"]["supported"], "of OBD devices"
    assert castel["engine_cut"]["supported"], "of all others"
    template = "60;60;{seconds}"
    assert described("suntech", suntech_rpt=template)["interval"]["supported"]
    check("suntech", "907126133", CommandKind.CUSTOM, {"text": "CMD;{id};03;01"})
    check("cellocator", "127890", CommandKind.ENGINE_CUT, {})
    with pytest.raises(CommandError):
        check("castel", "d", CommandKind.REBOOT, {})
