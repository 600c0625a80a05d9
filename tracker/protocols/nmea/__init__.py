"""NMEA 0183 over TCP and UDP, with the ways in which devices say who they are."""

from tracker.protocols.nmea.decoder import FAMILY, NmeaDecoder

__all__ = ["FAMILY", "NmeaDecoder"]
