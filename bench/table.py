"""A row of the budget: what, how much, against which bound."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured figure. `bound` is the design's; None: a figure without one."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False  # the bound is a lower one
    exactly: bool = False  # the bound is to be met, to the third decimal
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        if self.bound is None:
            return None
        if self.exactly:
            return round(self.value, 3) == self.bound
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]
