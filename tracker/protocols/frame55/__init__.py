"""The generic 0x55 frame of teaching and do-it-yourself devices ("frame55").

There is no standard; docs/protocols/frame55.md fixes the profile that is decoded here.
"""

from tracker.protocols.frame55.decoder import FAMILY, Frame55Decoder

__all__ = ["FAMILY", "Frame55Decoder"]
