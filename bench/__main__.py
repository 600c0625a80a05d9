"""`python -m bench [names…]`: measure all the parts, or some (see PARTS)."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench import fanout, frames, live, relay, store
from bench.table import Row

PARTS: dict[str, Callable[[], list[Row]]] = {
    "fanout": fanout.rows,
    "frames": frames.rows,
    "store": store.rows,
    "relay": relay.rows,
    "live": live.main_rows,
    "memory": live.memory_rows,
    "largest": live.largest_rows,
}
RESULT = Path(__file__).parent / "results" / "bench.json"


def _sign(row: Row) -> str:
    if row.exactly:
        return "=="
    return ">=" if row.at_least else "<="


def main() -> None:
    names = sys.argv[1:] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"bench: no part {unknown[0]!r}: there are {', '.join(PARTS)}")
    rows: list[Row] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += PARTS[name]()
    table = Table("what", "measured", "bound", "")
    for row in rows:
        bound = "" if row.bound is None else f"{_sign(row)} {row.bound:g}"
        mark = {True: "met", False: "MISSED", None: ""}[row.met]
        table.add_row(row.name, f"{row.value:,.2f} {row.unit}", bound, mark)
    Console(width=120).print(table)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rows": [row.as_json() for row in rows],
    }
    RESULT.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    print(f"written: {RESULT.relative_to(Path.cwd())}", file=sys.stderr)


if __name__ == "__main__":
    main()
