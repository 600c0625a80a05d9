"""GT06, the binary protocol of Concox, Jimi and a great many clones ("gt06")."""

from tracker.protocols.gt06.decoder import FAMILY, Gt06Decoder

__all__ = ["FAMILY", "Gt06Decoder"]
