"""Galileosky: tags in packets, compressed packets, photographs, and the Iridium form."""

from tracker.protocols.galileosky.decoder import FAMILY, GalileoskyDecoder

__all__ = ["FAMILY", "GalileoskyDecoder"]
