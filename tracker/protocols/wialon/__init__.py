"""Wialon IPS 1.x and 2.x, the open text protocol of Gurtam, over TCP and UDP."""

from tracker.protocols.wialon.decoder import FAMILY, WialonDecoder

__all__ = ["FAMILY", "WialonDecoder"]
