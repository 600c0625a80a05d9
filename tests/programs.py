"""Whole processes of the tracker: as anybody starts them, or forked from one that has imported it.

To import the program takes longer than all the rest of a start, and tests start it hundreds of
times. A forked one is a process of its own all the same, to be killed and frozen.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FORKED = False  # how nodes are started; all tests set it, benchmarks do not

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.programs", "tracker.cli", "tracker.app", "uvloop"])


def start_program(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
) -> subprocess.Popen[bytes]:
    """`python -m MODULE ARGUMENTS`, with an environment, a folder and a log."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
        )


class Forked:
    """The same, with what is used of Popen."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
    ) -> None:
        values = module, list(arguments), dict(environment), str(folder), str(log)
        self._process = _forking.Process(target=_become, args=values, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, within_s: float | None = None) -> int:
        """Its exit code. Raises TimeoutExpired."""
        self._process.join(within_s)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, within_s or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(
    module: str, arguments: list[str], environment: dict[str, str], folder: str, log: str
) -> None:
    """In the child."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
