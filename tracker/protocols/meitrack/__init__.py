"""Meitrack: text reports (AAA), binary batches (CCC, CCE) and commands, over TCP and UDP."""

from tracker.protocols.meitrack.decoder import FAMILY, MeitrackDecoder

__all__ = ["FAMILY", "MeitrackDecoder"]
