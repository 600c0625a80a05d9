"""`python -m tests.fuzz`: the run, its progress, its account, and failures made again."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.plan import Plan, Read, load, plan
from tests.fuzz.run import Counts, watchdog
from tests.fuzz.work import Account, Failure, attempt, run

FRAMES = 1_000_000
SEED = 20_250_301
FOLDER = Path("dist/fuzz")  # `make clean` takes it away
KINDS_SHOWN = 4  # kinds of DecodeError in a row of the account


def main() -> None:
    """Run, or make one connection or failure again; status 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one connection of this seed")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="a failure that was kept")
    options = parser.parse_args()
    if options.replay is not None:
        sys.exit(again(from_json(json.loads(options.replay.read_text("utf-8")))))
    if options.only is not None:
        sys.exit(again(plan(load(), options.seed, options.only)))
    sys.exit(whole(options.seed, options.frames, max(1, options.workers)))


def whole(seed: int, frames: int, workers: int) -> int:
    """The run; 0 if all went well."""
    say(f"fuzz: {frames:,} frames, seed {seed}, {workers} processes")
    begun = time.monotonic()
    total = Account(-1)
    wrong: list[str] = []
    for account in run(seed, frames, workers):
        total.frames += account.frames
        total.broken += account.broken
        total.counts.add(account.counts)
        for failure in account.failures:
            keep(failure, seed)
        if account.memory:
            wrong.append(f"process {account.worker}: {account.memory}")
        progress(total.frames, frames, time.monotonic() - begun, total.broken)
    say("")
    show(total.counts)
    wrong += [f"{total.broken} connections broke a rule"] * bool(total.broken)
    outcome = "; ".join(wrong) or "no rule was broken"
    seconds = time.monotonic() - begun
    say(f"fuzz: {outcome}: {total.frames:,} frames, seed {seed}, {seconds:.0f} s")
    return 1 if wrong else 0


def say(line: str, end: str = "\n") -> None:
    """Print at once."""
    sys.stdout.write(line + end)
    sys.stdout.flush()


def progress(done: int, frames: int, seconds: float, broken: int) -> None:
    """One line that is written over; only now and then where it cannot be."""
    if sys.stdout.isatty():
        speed = done / max(seconds, 0.001)
        say(f"\r{done:,} of {frames:,} frames, {speed:,.0f}/s, {broken} broken ", end="")
    elif int(seconds) % 15 == 0:
        say(f"{done:,} of {frames:,} frames, {seconds:.0f} s, {broken} broken")


def show(counts: Counts) -> None:
    """What came out, by protocol."""
    say(f"{'protocol':12}{'frames':>10}{'messages':>10}{'fixes':>10}{'detected':>10}  DecodeErrors")
    for name in sorted(counts.frames):
        kinds = Counter({kind: n for (of, kind), n in counts.errors.items() if of == name})
        shown = ", ".join(f"{kind} {n:,}" for kind, n in kinds.most_common(KINDS_SHOWN))
        if len(kinds) > KINDS_SHOWN:
            shown += f", {len(kinds) - KINDS_SHOWN} more kinds"
        say(f"{name:12}{counts.frames[name]:>10,}{counts.messages[name]:>10,}"
              f"{counts.fixes[name]:>10,}{counts.detected[name]:>10,}  {shown}")  # fmt: skip
    detected, commands = counts.detected, counts.commands
    say(
        f"{counts.messages.total():,} messages, {counts.errors.total():,} DecodeErrors; "
        f"connections of no protocol {detected['unknown']:,}, not decided {detected['open']:,}; "
        f"commands written {commands['written']:,}, refused {commands['refused']:,}"
    )


def keep(failure: Failure, seed: int) -> None:
    """Say what broke and how it is made again, and keep its bytes in a file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{failure.plan.protocol}-{seed}-{failure.plan.number}.json"
    path.write_text(json.dumps(to_json(failure, seed), indent=1), "utf-8")
    sent = b"".join(read.data for read in failure.plan.reads)
    say(f"\nFAILED {failure.kind}\n{failure.text}"
          f"seed {seed}, connection {failure.plan.number}, {len(sent)} bytes: {sent[:400].hex()}\n"
          f"again: python -m tests.fuzz --replay {path}\n")  # fmt: skip


def to_json(failure: Failure, seed: int) -> dict[str, Any]:
    """A failure as a file keeps it."""
    one = failure.plan
    return {
        "seed": seed,
        "number": one.number,
        "protocol": one.protocol,
        "options": dict(one.options),
        "long": one.long,
        "parameters": {name: repr(value) for name, value in one.parameters.items()},
        "error": failure.text.splitlines(),
        "reads": [{"now": read.now, "hex": read.data.hex()} for read in one.reads],
    }


def from_json(kept: dict[str, Any]) -> Plan:
    """The connection of a file. What was ordered on it is made from its seed and number."""
    reads = tuple(Read(read["now"], bytes.fromhex(read["hex"])) for read in kept["reads"])
    made = plan(load(), kept["seed"], kept["number"])
    return Plan(
        kept["number"], kept["protocol"], kept["options"], reads, len(reads), made.parameters,
        kept["long"],
    )  # fmt: skip


def again(one: Plan) -> int:
    """Hold one connection; 1 and the trace if it breaks a rule."""
    counts = Counts()
    with watchdog():
        failure = attempt(one, counts)
    show(counts)
    if failure is not None:
        say(failure.text)
        return 1
    say("no rule was broken")
    return 0


if __name__ == "__main__":
    main()
