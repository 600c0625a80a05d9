"""Queclink: @Track in text and in HEX form, and the binary air protocol of new models."""

from tracker.protocols.queclink.decoder import FAMILY, QueclinkDecoder

__all__ = ["FAMILY", "QueclinkDecoder"]
