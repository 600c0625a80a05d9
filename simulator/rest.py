"""What the server says over REST at the end of a run, and whether it is what was driven."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import orjson

from simulator.errors import TargetError
from simulator.feed import UNKNOWN
from simulator.identity import same_ident
from simulator.ledger import EXAMPLES, Ledger, Sent, Track, same
from simulator.link import connect_trouble
from simulator.model import Stated

VEHICLES = "/api/v1/vehicles"
PAGE = 1000
NDJSON = "application/x-ndjson"
TIMEOUT = aiohttp.ClientTimeout(total=60.0)


@dataclass(slots=True)
class Stored:
    """The server's last word against what was driven."""

    vehicles: int = 0
    right: int = 0  # its last position is the newest that was sent
    wrong: int = 0
    missing: int = 0  # the server does not know the vehicle, or has no position of it
    tracks: int = 0  # vehicles whose whole track was read
    track_positions: int = 0  # acknowledged positions looked for in these
    track_missing: int = 0  # acknowledged, and not in the stored track
    track_repeated: int = 0  # in the stored track more often than sent
    examples: list[str] = field(default_factory=list)

    def example(self, text: str) -> None:
        """Keep the first few in words."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


async def check_stored(
    session: aiohttp.ClientSession, url: str, ledger: Ledger, idents: Mapping[int, str]
) -> Stored:
    """Compare the list of vehicles, and the tracks that the ledger kept. Raises TargetError."""
    stored = Stored()
    try:
        known = {same_ident(one["device"]): one async for one in _vehicles(session, url)}
        for number, track in ledger.tracks.items():
            ident = idents[number]
            vehicle = known.get(same_ident(ident))
            check_last(stored, ident, track, vehicle)
            if track.kept is not None and vehicle is not None:
                rows = await _positions(session, url, vehicle["id"], track)
                check_track(stored, ident, track.kept, rows)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TargetError(f"{url}{VEHICLES}: {connect_trouble(error)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(f"{url}{VEHICLES}: not what the contract says: {error!r}") from error
    return stored


def check_last(stored: Stored, ident: str, track: Track, vehicle: Mapping[str, Any] | None) -> None:
    """One vehicle's last position against the newest that was sent."""
    if track.newest is None:
        return
    stored.vehicles += 1
    position = vehicle["position"] if vehicle is not None else None
    if position is None:
        stored.missing += 1
        stored.example(f"{ident}: the server has no position of it")
        return
    seen = _seen(position)
    newest = track.newest.stated
    alike = [sent.stated for sent in track.by_time.get(newest.fix_ms, ())] or [newest]
    if any(same(stated, seen) for stated in alike):
        stored.right += 1
    else:
        stored.wrong += 1
        stored.example(f"{ident}: shows {position}, the newest sent is {newest}")


def check_track(
    stored: Stored, ident: str, kept: Collection[Sent], rows: Iterable[Mapping[str, Any]]
) -> None:
    """One vehicle's stored track against all that was acknowledged: each once, none twice."""
    stored.tracks += 1
    wanted: set[Stated] = {sent.stated for sent in kept if sent.acknowledged}
    sent_at: dict[int, set[Stated]] = {}
    for sent in kept:
        sent_at.setdefault(sent.stated.fix_ms, set()).add(sent.stated)
    stored.track_positions += len(wanted)
    by_time: dict[int, list[Stated]] = {}
    for seen in map(_seen, rows):
        by_time.setdefault(seen.fix_ms, []).append(seen)
    for stated in wanted:
        found = sum(same(stated, seen) for seen in by_time.get(stated.fix_ms, ()))
        # Faster than 1 Hz, several fixes of one second may look alike and are all right.
        alike = sum(same(stated, other) for other in sent_at[stated.fix_ms])
        if not found:
            stored.track_missing += 1
            stored.example(f"{ident}: acknowledged and not stored: {stated}")
        elif found > alike:
            stored.track_repeated += 1
            stored.example(f"{ident}: stored {found} times: {stated}")


async def _vehicles(session: aiohttp.ClientSession, url: str) -> Any:
    """All vehicles, page by page."""
    after: str | None = ""
    while after is not None:
        query = {"limit": str(PAGE)} | ({"after": after} if after else {})
        body = orjson.loads(await _get(session, url + VEHICLES, query))
        for vehicle in body["vehicles"]:
            yield vehicle
        after = body.get("next")


async def _positions(
    session: aiohttp.ClientSession, url: str, vehicle_id: str, track: Track
) -> list[dict[str, Any]]:
    """The stored track over the time of what was sent."""
    times = [sent.stated.fix_ms for sent in track.kept or ()]
    if not times:
        return []
    query = {"from": str(min(times) // 1000 - 1), "to": str(max(times) // 1000 + 2)}
    address = f"{url}{VEHICLES}/{vehicle_id}/positions"
    text = await _get(session, address, query, accept=NDJSON)
    return [orjson.loads(line) for line in text.splitlines() if line.strip()]


async def _get(
    session: aiohttp.ClientSession,
    address: str,
    query: Mapping[str, str],
    accept: str = "application/json",
) -> bytes:
    headers = {"Accept": accept}
    async with session.get(address, params=query, headers=headers, timeout=TIMEOUT) as response:
        if response.status != 200:
            raise TargetError(f"{address}: answered {response.status}")
        return await response.read()


def _seen(position: Mapping[str, Any]) -> Stated:
    """A REST position in the live feed's whole numbers."""
    speed_kmh, course_deg = position["speed_kmh"], position["course_deg"]
    return Stated(
        round(datetime.fromisoformat(position["fix_time"]).timestamp() * 1000),
        round(position["lat"] * 1e6),
        round(position["lon"] * 1e6),
        UNKNOWN if speed_kmh is None else round(speed_kmh * 10),
        UNKNOWN if course_deg is None else round(course_deg * 10),
    )
