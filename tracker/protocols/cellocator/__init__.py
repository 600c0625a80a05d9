"""Cellocator (PowerFleet, formerly Pointer): binary status and modular messages, UDP and TCP."""

from tracker.protocols.cellocator.decoder import FAMILY, CellocatorDecoder

__all__ = ["FAMILY", "CellocatorDecoder"]
