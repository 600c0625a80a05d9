"""What a person sees while a run goes on: one progress line and the troubles, all on stderr."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulator.backoff import LONGEST_S
from simulator.clock import Clock

TROUBLE_EVERY_S = 10.0  # the same trouble is told no more often


class Display:
    """A progress line; silent where stderr is not a terminal, but for troubles."""

    def __init__(self, clock: Clock) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._clock = clock
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("", detail="", total=None)
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def phase(self, name: str, total_s: float | None = None) -> None:
        """A new part of the run begins; `total_s` is how long it takes, where that is known."""
        self._progress.reset(self._task, description=name, total=total_s, detail="")

    def say(self, text: str) -> None:
        """One line for the operator."""
        self.console.print(text, markup=False, soft_wrap=True)

    def trouble(self, address: str) -> Callable[[str], None]:
        """A teller of failed connects to one address, which does not repeat itself too often."""

        def tell(why: str) -> None:
            text, now = f"{address}: {why}", self._clock.now()
            if now - self._told.get(text, 0.0) < TROUBLE_EVERY_S:
                self._untold[text] = self._untold.get(text, 0) + 1
                return
            self._told[text] = now
            again = self._untold.pop(text, 0)
            times = f" ({again} times more)" if again else ""
            self.say(f"{text}{times}; trying again after a random delay of up to {LONGEST_S:g} s")

        return tell

    async def follow(self, detail: Callable[[], str]) -> None:
        """Bring the line up to date once a second, for ever."""
        while True:
            self._progress.update(self._task, advance=1.0, detail=detail())
            await asyncio.sleep(1.0)
