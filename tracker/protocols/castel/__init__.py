"""Castel, of Sinocastel: OBD devices (SC), trackers with a fuel relay (CC) and the MPIP series."""

from tracker.protocols.castel.decoder import FAMILY, CastelDecoder

__all__ = ["FAMILY", "CastelDecoder"]
