"""Random streams that depend on nothing but the seed and a name.

Every decision of the simulator draws from a stream of its own, named by what it is for, so that a
change in one place (one more vehicle, another fault) does not move the numbers of any other.
"""

from __future__ import annotations

import random


def stream(seed: int, *names: object) -> random.Random:
    """A generator for one purpose: equal arguments give equal numbers, on every machine.

    Text seeds go through SHA-512 in `random.Random`, which is the same in every Python version
    and is not touched by PYTHONHASHSEED.
    """
    return random.Random("/".join(str(part) for part in (seed, *names)))
