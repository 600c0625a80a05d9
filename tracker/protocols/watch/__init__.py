"""The protocol of GPS watches with the SeTracker and Beesure services: [3G*ID*LENGTH*content]."""

from tracker.protocols.watch.decoder import FAMILY, WatchDecoder

__all__ = ["FAMILY", "WatchDecoder"]
