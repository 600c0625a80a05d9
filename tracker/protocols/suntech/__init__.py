"""Suntech ST and SA trackers: legacy text, the universal form in text and binary, zip, ST910."""

from tracker.protocols.suntech.decoder import FAMILY, SuntechDecoder

__all__ = ["FAMILY", "SuntechDecoder"]
