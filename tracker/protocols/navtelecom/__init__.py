"""Navtelecom: NTCB and its telemetry, FLEX 1.0, 2.0 and 3.0, and the fixed formats before it."""

from tracker.protocols.navtelecom.decoder import FAMILY, NavtelecomDecoder

__all__ = ["FAMILY", "NavtelecomDecoder"]
