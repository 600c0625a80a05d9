"""JT/T 808, the Chinese standard for vehicle terminals, used far beyond China ("jt808")."""

from tracker.protocols.jt808.decoder import FAMILY, Jt808Decoder

__all__ = ["FAMILY", "Jt808Decoder"]
