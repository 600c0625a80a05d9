"""Ruptela FM4 series, HCV, LCV, Trace5: records and extended records, over TCP and UDP."""

from tracker.protocols.ruptela.decoder import FAMILY, RuptelaDecoder

__all__ = ["FAMILY", "RuptelaDecoder"]
