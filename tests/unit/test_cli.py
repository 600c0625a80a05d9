"""The command line: what `check-config` refuses is what a start would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.certificates import Authority

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))


def check(monkeypatch: pytest.MonkeyPatch, **settings: object) -> tuple[int, str]:
    for key, value in settings.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        monkeypatch.setenv(f"TRACKER_{key.upper()}", text)
    command = [sys.executable, "-m", "tracker", "check-config"]
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def test_what_holds_is_printed_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = Authority(tmp_path).write()
    ports = {"127.0.0.1:5023": {"protocols": ["gt06", "mqtt"], "tls": "accepted"}}
    code, said = check(
        monkeypatch, device_ports=ports, tls_certificate=str(certificate), tls_key=str(key)
    )
    assert code == 0, said
    assert f"tls_certificate = {certificate}" in said.splitlines()
    assert not (tmp_path / "data").exists()


def test_a_protocol_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = check(monkeypatch, device_ports={"127.0.0.1:5023": {"protocols": ["gt60"]}})
    assert code == 1
    assert said.startswith("tracker: TRACKER_DEVICE_PORTS: 127.0.0.1:5023: no protocol 'gt60'")
    assert len(said.splitlines()) == 1


def test_files_of_a_certificate_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = Authority(tmp_path).write()
    key.write_text("no key")
    for settings in (
        {"tls_certificate": str(tmp_path / "missing.pem")},
        {"tls_certificate": str(certificate), "tls_key": str(key)},
    ):
        code, said = check(monkeypatch, **settings)
        assert code == 1
        assert said.startswith("tracker: TRACKER_TLS_CERTIFICATE: ")
        assert len(said.splitlines()) == 1
