"""The simulator's errors: each is one line for whoever started it, with the exit code it ends in.

SimulatorError            1  root; also "the run was not perfect"
├── UsageError            2  an option or its value is wrong
├── TripError             3  a file of recorded trips is missing or cannot be understood
├── TargetError           4  the server is away or refuses us
├── FrameError            5  an answer of the server is not a frame of its protocol
└── FeedError             5  the live feed broke its contract
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Root of everything raised on purpose. `str()` of it is one line."""

    exit_code = 1


class UsageError(SimulatorError):
    """An option or its value is wrong."""

    exit_code = 2


class TripError(SimulatorError):
    """A file of recorded trips is missing or cannot be understood; names the file."""

    exit_code = 3


class TargetError(SimulatorError):
    """The server is away or refuses us; names the address."""

    exit_code = 4


class FrameError(SimulatorError):
    """An answer of the server is not a frame of the device's protocol."""

    exit_code = 5


class FeedError(SimulatorError):
    """A message of the live feed contradicts its contract."""

    exit_code = 5
