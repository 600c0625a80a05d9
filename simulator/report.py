"""A run's outcome and a fleet's counts as text for a person."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulator.driven import Driven
from simulator.outcome import Outcome
from simulator.viewing import Seen


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Driven against seen, and the verdict."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, text in _rows(outcome):
        table.add_row(name, text)
    console.print(table)
    failures = outcome.failures()
    examples = (*outcome.fates.examples, *_stored_examples(outcome), *outcome.seen.examples)
    for example in examples if failures else ():
        console.print(Text(f"  e.g. {example}", style="dim"), soft_wrap=True)
    for remark in outcome.remarks():
        console.print(Text(remark, style="yellow"))
    if not failures:
        console.print(Text("perfect", style="bold green"))
    for failure in failures:
        console.print(Text(f"not perfect: {failure}", style="bold red"), soft_wrap=True)


def print_seen(seen: Seen, console: Console) -> None:
    """What viewers counted, without anything driven."""
    rate = f"{seen.frames_per_viewer_per_tick:.4f} per viewer per tick"
    console.print(f"{seen.viewers:,} viewers, {seen.frames:,} frames, {rate}")
    console.print(f"viewers by missed ticks: {_counts(seen.by_missing)}")
    console.print(f"tick to frame: {_milliseconds(seen.lag_ms)}")
    console.print(f"bytes: {_bytes(seen)}")
    if seen.violations:
        console.print(f"{seen.violations:,} messages contradicted the feed's contract")
    for example in seen.examples:
        console.print(Text(f"  e.g. {example}", style="dim"), soft_wrap=True)


def _rows(outcome: Outcome) -> list[tuple[str, str]]:
    conditions, driven, seen, fates = (
        outcome.conditions,
        outcome.driven,
        outcome.seen,
        outcome.fates,
    )
    protocols = ", ".join(f"{name} {count}" for name, count in conditions.protocols.items())
    rows = [
        ("driven", f"{conditions.vehicles:,} vehicles ({protocols})"),
        ("", f"at {conditions.rate_hz:g} Hz for {conditions.duration_s:g} s"),
        ("positions", _driven(driven, outcome.unacknowledged)),
        ("our lateness", _milliseconds(driven.lateness_ms.summary())),
        ("viewers", f"{seen.viewers:,}, of which {conditions.decoding} decode all"),
        ("frames", f"{seen.frames:,} in {seen.ticks:,} ticks of viewers"),
        ("per viewer per tick", f"{seen.frames_per_viewer_per_tick:.4f}"),
        ("viewers by missed ticks", _counts(seen.by_missing)),
        ("viewers by repeated ticks", _counts(seen.by_repeated)),
        ("ticks skipped", f"{seen.conflated:,} by the server, for viewers that were behind"),
        ("tick to frame", _milliseconds(seen.lag_ms)),
        ("sent to seen", _milliseconds(outcome.lag_ms)),
        ("bytes", _bytes(seen)),
        ("seen exactly", f"{fates.exact:,}; merged with a newer one {fates.merged:,}"),
        ("lost, wrong, late", f"{fates.lost:,}, {fates.wrong:,}, {fates.late:,}"),
        ("back in time, excused", f"{fates.backwards:,}, {fates.excused:,}"),
    ]
    if outcome.stored is not None:
        stored = outcome.stored
        last = f"{stored.right:,} of {stored.vehicles:,} right, {stored.missing:,} missing"
        rows.append(("last positions (REST)", last))
        found = f"{stored.track_missing:,} missing, {stored.track_repeated:,} repeated"
        whole = f"{stored.tracks:,} vehicles, {stored.track_positions:,} positions: {found}"
        rows.append(("stored tracks (REST)", whole))
    if seen.stalled_viewers:
        told = (
            f"{seen.stalled_viewers:,} viewers, {seen.stalled_conflated:,} ticks skipped for them"
        )
        rows.append(("stalled", f"{told}; closed with {_counts(seen.stalled_closes)}"))
    if driven.faults:
        rows.append(("faults", _counts(driven.faults)))
    return rows


def _driven(driven: Driven, unacknowledged: int) -> str:
    text = f"{driven.positions:,} sent"
    if driven.stored:
        text += f", {driven.stored:,} more as stored"
    text += f"; {driven.acknowledged_positions:,} acknowledged, {unacknowledged:,} not"
    if driven.unconfirmed_positions:
        text += f"; {driven.unconfirmed_positions:,} written, none confirmed"
    return text


def _bytes(seen: Seen) -> str:
    text = f"{seen.bytes_per_viewer_per_tick:,.0f} per viewer per tick"
    if seen.bytes_per_update is not None:
        text += f", {seen.bytes_per_update:.2f} per update"
    return text


def _stored_examples(outcome: Outcome) -> list[str]:
    return [] if outcome.stored is None else outcome.stored.examples


def _milliseconds(summary: Mapping[str, int]) -> str:
    if not summary["count"]:
        return "none"
    return ", ".join(f"{name} {value} ms" for name, value in summary.items() if name != "count")


def _counts(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{key}: {value:,}" for key, value in counts.items()) or "none"


def driven_line(driven: Driven) -> str:
    """What the devices of a replay or a fleet did, in one line."""
    parts = [f"{driven.positions:,} positions sent"]
    if driven.stored:
        parts.append(f"{driven.stored:,} more as stored")
    parts.append(f"{driven.acknowledged_positions:,} acknowledged")
    if driven.unconfirmed_positions:
        parts.append(f"{driven.unconfirmed_positions:,} written, none confirmed")
    parts.append(f"{driven.connects:,} connects")
    if driven.faults:
        parts.append(f"faults {_counts(driven.faults)}")
    return ", ".join(parts)
