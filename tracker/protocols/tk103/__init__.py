"""TK103 in parentheses, the protocol of KX402, VJoyCar and their clones."""

from tracker.protocols.tk103.decoder import FAMILY, Tk103Decoder

__all__ = ["FAMILY", "Tk103Decoder"]
