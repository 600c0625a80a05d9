"""AIS-140, the text that the tracking devices of India's public vehicles must speak."""

from tracker.protocols.ais140.decoder import FAMILY, Ais140Decoder

__all__ = ["FAMILY", "Ais140Decoder"]
