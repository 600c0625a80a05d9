"""EGTS: the telematics protocol of ERA-GLONASS (Order 285 of 2012, GOST 33472)."""

from tracker.protocols.egts.decoder import FAMILY, EgtsDecoder

__all__ = ["FAMILY", "EgtsDecoder"]
