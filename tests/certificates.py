"""Certificates for tests: an authority of the test's own, and files of what it has signed."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import trustme


class Authority:
    """Signs, and writes what the tracker is given into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)

    def write(self, name: str = "server", *hosts: str) -> tuple[Path, Path]:
        """A new certificate and its key, in files that are replaced in one step each."""
        signed = self.ca.issue_cert(*(hosts or ("127.0.0.1", "localhost")))
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain = b"".join(blob.bytes() for blob in signed.cert_chain_pems)
        for path, content in ((key, signed.private_key_pem.bytes()), (certificate, chain)):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            os.replace(fresh, path)  # noqa: PTH105 - a rename, as renewal programs do
        return certificate, key

    def client(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """What a device that trusts this authority uses."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context

    def settings(self, **more: object) -> dict[str, object]:
        """Settings of a tracker with a certificate."""
        certificate, key = self.write()
        return {"tls_certificate": certificate, "tls_key": key} | more
