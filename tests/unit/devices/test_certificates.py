"""The certificate: what cannot be used is one line of an error, at the start and later."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from tests.certificates import Authority
from tracker.devices.certificates import Certificates
from tracker.errors import ConfigError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_pair_in_two_files_or_in_one(authority: Authority) -> None:
    certificate, key = authority.write()
    assert Certificates(certificate, key).context.minimum_version is ssl.TLSVersion.TLSv1_2
    both = authority.folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    assert Certificates(both).context.verify_mode is ssl.CERT_NONE
    asked = Certificates(both, client_ca=authority.ca_file)
    assert asked.context.verify_mode is ssl.CERT_REQUIRED


def test_what_cannot_be_used_is_named(authority: Authority) -> None:
    certificate, key = authority.write()
    other_key = authority.write("other")[1]
    empty, nowhere = authority.folder / "empty.pem", authority.folder / "nowhere.pem"
    empty.touch()
    for pair in ((certificate, other_key), (certificate, empty), (empty, key), (nowhere, key)):
        with pytest.raises(ConfigError, match=f"TRACKER_TLS_CERTIFICATE: {pair[0]}, {pair[1]}: ."):
            Certificates(*pair)
    with pytest.raises(ConfigError, match=r"empty\.pem: ."):
        Certificates(certificate, key, empty)


def test_a_key_with_a_password_is_refused_and_not_asked_about(authority: Authority) -> None:
    certificate, key = authority.write()
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(ConfigError, match=r"server\.key: ."):
        Certificates(certificate, key)


async def test_new_files_are_seen_without_being_asked(authority: Authority) -> None:
    certificates = Certificates(*authority.write())
    before = certificates.context
    watching = asyncio.create_task(certificates.watch(every_s=0.01))
    authority.write()
    async with asyncio.timeout(20):
        while certificates.context is before:
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert certificates.stats["renewals"] >= 1


def test_a_bad_pair_is_told_once(authority: Authority) -> None:
    certificate, key = authority.write()
    certificates = Certificates(certificate, key)
    good = certificates.context
    key.write_text("no key")
    with capture_logs() as logs:
        assert [certificates.renew() for _ in range(3)] == [False] * 3
    assert [log["event"] for log in logs] == ["tls.renewal_failed"]
    assert certificates.context is good
    assert certificates.stats == {"failures": 1}
