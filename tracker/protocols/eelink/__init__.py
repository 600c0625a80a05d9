"""Eelink (67 67) over TCP, and the wrapper (EL) in which it comes over UDP."""

from tracker.protocols.eelink.decoder import FAMILY, EelinkDecoder

__all__ = ["FAMILY", "EelinkDecoder"]
