"""H02, the protocol of SinoTrack, LKGPS, CanTrack and many others: *HQ text and $ records."""

from tracker.protocols.h02.decoder import FAMILY, H02Decoder

__all__ = ["FAMILY", "H02Decoder"]
