"""GPS103, the protocol of Coban and its clones: texts that begin with "imei:"."""

from tracker.protocols.gps103.decoder import FAMILY, Gps103Decoder

__all__ = ["FAMILY", "Gps103Decoder"]
