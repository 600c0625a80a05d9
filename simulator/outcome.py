"""The outcome of a run: what was driven, what was seen, and whether it is what it must be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from simulator.driven import Driven
from simulator.faults import FaultRates
from simulator.ledger import Fates
from simulator.rest import Stored
from simulator.viewing import Seen

OWN_LATENESS_MS = 200  # above it the machine is too busy for the lags to mean anything


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was asked for."""

    vehicles: int
    viewers: int
    decoding: int
    rate_hz: float
    duration_s: float
    seed: int
    protocols: dict[str, int]  # protocol -> vehicles
    faults: FaultRates
    late_after_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known at the end of a run."""

    conditions: Conditions
    driven: Driven
    unacknowledged: int
    not_accepted: int  # devices that were not logged in when the run began
    seen: Seen
    fates: Fates
    lag_ms: dict[str, int]  # sent to seen
    stored: Stored | None  # None: REST could not be read
    stored_trouble: str = ""  # why

    def failures(self) -> list[str]:
        """Each promise that was not kept, in words; none: the run was perfect.

        Under faults that hold positions back nothing is said of late and lost ones; that what is
        seen is true, that each viewer gets its frames and that nothing acknowledged is lost holds
        under all of them.
        """
        found = [*self._of_devices(), *self._of_viewers(), *self._of_positions()]
        if self.stored is not None:
            found += _of_store(self.stored)
        else:
            found.append(f"the stored positions could not be read: {self.stored_trouble}")
        return found

    def remarks(self) -> list[str]:
        """What the reader of the figures should know; no failure."""
        found = []
        p99_ms = self.driven.lateness_ms.summary()["p99"]
        if p99_ms >= OWN_LATENESS_MS:
            found.append(f"the simulator itself was {p99_ms} ms late at p99: the lags say little")
        unconfirmed = self.driven.unconfirmed_positions
        if unconfirmed:
            found.append(f"{unconfirmed} positions have no answers: none of them is confirmed")
        return found

    def _of_devices(self) -> list[str]:
        faults = self.conditions.faults
        found = [
            _if(self.not_accepted, "devices were not accepted"),
            _if(self.unacknowledged, "positions were never acknowledged"),
            _if(self.driven.forgotten_positions, "positions were forgotten by full devices"),
        ]
        if not faults.damaged:
            found.append(_if(self.driven.answers["refused"], "logins were refused"))
            found.append(_if(self.driven.answers["damaged"], "answers were no frames"))
            found.append(_if(self.driven.answers["rejected"], "positions were rejected"))
        if not faults.of_devices:
            found.append(_if(self.driven.disconnects, "device connections were lost"))
        return [text for text in found if text]

    def _of_viewers(self) -> list[str]:
        seen = self.seen
        missed = sum(viewers for missing, viewers in seen.by_missing.items() if missing)
        repeated = sum(viewers for times, viewers in seen.by_repeated.items() if times)
        found = [
            _if(seen.silent, "viewers got nothing"),
            _if(seen.ended_early, "viewers stopped getting ticks"),
            _if(missed, "viewers missed ticks"),
            _if(repeated, "viewers got a tick twice or late"),
            _if(sum(seen.closes.values()), "viewers were disconnected"),
            _if(seen.violations, "messages contradicted the feed's contract"),
        ]
        return [text for text in found if text]

    def _of_positions(self) -> list[str]:
        fates = self.fates
        found = [
            _if(fates.wrong, "wrong positions were seen"),
            _if(fates.backwards, "times a vehicle was moved back in time"),
        ]
        if not self.conditions.faults.delays:
            found.append(_if(fates.lost, "positions were lost"))
            found.append(_if(fates.late, "positions were late"))
            if self.conditions.decoding and not fates.exact:
                found.append("no position was seen at all")
        return [text for text in found if text]

    def to_json(self) -> dict[str, Any]:
        """The report as one JSON object; docs/simulator.md explains each field."""
        driven = self.driven
        failures = self.failures()
        return {
            "perfect": not failures,
            "failures": failures,
            "remarks": self.remarks(),
            "conditions": asdict(self.conditions),
            "driven": {
                "positions": driven.positions,
                "stored_positions": driven.stored,
                "acknowledged": driven.acknowledged_positions,
                "unacknowledged": self.unacknowledged,
                "unconfirmed": driven.unconfirmed_positions,
                "forgotten": driven.forgotten_positions,
                "bytes": driven.bytes_sent,
                "connects": driven.connects,
                "disconnects": driven.disconnects,
                "failed_connects": driven.failed_connects,
                "not_accepted": self.not_accepted,
                "answers": dict(driven.answers),
                "faults": dict(driven.faults),
                "lateness_ms": driven.lateness_ms.summary(),
            },
            "seen": asdict(self.seen),
            "lag_ms": {"sent_to_seen": self.lag_ms, "tick_to_frame": self.seen.lag_ms},
            "positions": asdict(self.fates),
            "stored": None if self.stored is None else asdict(self.stored),
            "stored_trouble": self.stored_trouble,
        }


def _of_store(stored: Stored) -> list[str]:
    found = [
        _if(stored.missing, "vehicles are unknown to the server"),
        _if(stored.wrong, "last positions are wrong"),
        _if(stored.track_missing, "acknowledged positions are not stored"),
        _if(stored.track_repeated, "positions are stored more than once"),
    ]
    return [text for text in found if text]


def _if(count: int, what: str) -> str:
    return f"{count} {what}" if count else ""
