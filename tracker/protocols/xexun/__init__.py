"""Xexun texts of TK102-2, TK103-2 and XT devices: an RMC without its $, then imei:."""

from tracker.protocols.xexun.decoder import FAMILY, XexunDecoder

__all__ = ["FAMILY", "XexunDecoder"]
