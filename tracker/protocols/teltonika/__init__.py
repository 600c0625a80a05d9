"""Teltonika codecs 8, 8 Extended, 16 and 7 (positions), 12, 13 and 14 (commands), TCP and UDP."""

from tracker.protocols.teltonika.decoder import FAMILY, TeltonikaDecoder

__all__ = ["FAMILY", "TeltonikaDecoder"]
