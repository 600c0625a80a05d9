"""The account for people: a table, then the disagreements."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tracker.conformance.compare import FIELDS
from tracker.conformance.replay import Result

# Disagreements shown, and characters of each reading; the JSON has all of them.
SHOWN_MOST, SHOWN_CHARACTERS = 40, 240


def show(result: Result, console: Console) -> None:
    """The account as a table, then the disagreements."""
    table = Table("file", "protocol", "frames", "agree", "%", "disagree", "refused", "fields")
    for name, tally in result.tallies.items():
        share = f"{100 * tally.agree / tally.frames:.1f}" if tally.frames else "-"
        short = [
            f"{key} {tally.agreed[key]}/{tally.compared[key]}"
            for key in FIELDS
            if tally.agreed[key] != tally.compared[key]
        ]
        table.add_row(
            name, tally.protocol, str(tally.frames), str(tally.agree), share,
            str(len(tally.disagreements)), str(tally.refused.total()), ", ".join(short),
        )  # fmt: skip
    for name, frames in result.unsupported.items():
        table.add_row(name, "unsupported", str(frames), "", "", "", "", "", style="dim")
    console.print(table)
    every = [(name, each) for name, t in result.tallies.items() for each in t.disagreements]
    for name, each in every[:SHOWN_MOST]:
        console.print(
            f"{name} {each.instance} {each.index}: {', '.join(each.fields)}", markup=False
        )
        for who, reading in (("ours", each.ours), ("theirs", each.theirs)):
            console.print(f"  {who:6} {str(reading)[:SHOWN_CHARACTERS]}", markup=False, style="dim")
    if len(every) > SHOWN_MOST:
        console.print(f"and {len(every) - SHOWN_MOST} more (--json has all)")
