"""Real servers for the tests: each on a free port, in a folder of its own, from Debian's packages.

A test can stop, kill, freeze and restart them like an accident would. Everything here blocks: from
a coroutine call it by `asyncio.to_thread`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

START_S = STOP_S = 60.0  # that a server may need on a loaded machine

# Ports are given out from blocks, each of one process of tests: nobody else takes one between the
# choice and the listening. They lie below those that the kernel gives to outgoing connections.
PORTS_FIRST, PORTS_END, PORTS_BLOCK = 12_000, 32_000, 200

POSTGRESQL_USER = "postgres"  # initdb and postgres refuse to run as root
INITDB_OPTIONS = ("-U", POSTGRESQL_USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")


def _own_ports() -> Iterator[int]:
    """The ports of a block that no other process has, over and over.

    A socket with an abstract name, which goes with the process, says that the block is taken.
    """
    for first in range(PORTS_FIRST, PORTS_END, PORTS_BLOCK):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0tracker-tests-ports-{first}")
        except OSError:
            claim.close()
            continue
        with claim:
            yield from itertools.cycle(range(first, first + PORTS_BLOCK))
    raise RuntimeError("no block of ports is left: other tests have them all")


_ports = _own_ports()


def free_port() -> int:
    """A port on loopback, of TCP and UDP, that is this process's alone to listen on."""
    for port in itertools.islice(_ports, PORTS_BLOCK):
        if _is_free(port):
            return port
    raise RuntimeError("none of the ports of these tests is free")


def _is_free(port: int) -> bool:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            stream.bind(("127.0.0.1", port))
            stream.listen()
            datagrams.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether somebody accepts connections on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class RealServer:
    """One server process and its children, on one port, with one folder."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        folder: Path,
        *,
        user: str | None = None,
        ready: Callable[[int], bool] = answers,
    ) -> None:
        self.port = port
        self.folder = folder
        self.log = folder / "server.log"
        self._command = [*as_user(user), *command]
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        assert self._process is not None, "not running"
        return self._process.pid

    def start(self) -> None:
        """Start and return when it is ready; its output goes to `log`."""
        assert self._process is None, "is running"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while not self._ready(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._command[0]} did not start: {self.log.read_text()}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and return when it has."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_S)
            self._process = None

    def kill(self) -> None:
        """End it and its children without a warning."""
        if self._process is not None:
            family = self._family()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait(STOP_S)
            psutil.wait_procs(family, STOP_S)
            self._process = None

    def freeze(self) -> None:
        """It stands still: the kernel still accepts connections, nobody answers."""
        for process in self._family():
            process.suspend()

    def thaw(self) -> None:
        """It goes on."""
        for process in self._family():
            process.resume()

    def restart(self) -> None:
        """Start again, on the same port and folder, what was stopped or killed or still runs."""
        self.stop()
        self.start()

    def _family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]


def as_user(user: str | None) -> list[str]:
    """The command prefix that changes to `user`, if this is root."""
    if user is None or os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]


@contextlib.contextmanager
def server_folder(user: str | None = None) -> Iterator[Path]:
    """A temporary folder outside pytest's, whose parents only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="tracker-test-"))
    try:
        if user is not None and os.getuid() == 0:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder)


def program(name: str, *folders: str) -> str:
    """The path of an installed program; the test is skipped where there is none."""
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


# -- Redis ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def run_redis(*options: str) -> Iterator[RealServer]:
    """A Redis that keeps nothing on disk."""
    redis = program("redis-server")
    with server_folder() as folder:
        port = free_port()
        command = [redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
        server = RealServer([*command, "--dir", str(folder)], port, folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def redis_server() -> Iterator[RealServer]:
    """A Redis of the test's own: `redis://127.0.0.1:{port}`."""
    with run_redis() as server:
        yield server


# -- PostgreSQL ----------------------------------------------------------------------------------


def _postgresql_folder() -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return str(versions[-1]) if versions else ""


class PostgresqlServer(RealServer):
    """A PostgreSQL cluster that trusts everybody on loopback."""

    def url(self, database: str = "postgres") -> str:
        """Where a database of it is."""
        return f"postgresql://{POSTGRESQL_USER}@127.0.0.1:{self.port}/{database}"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop fast: connections are closed, not waited for."""
        super().stop(how)

    def clear_away(self) -> None:
        """End it for good. Killed it would leave its shared memory to the machine, for ever."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self.thaw()
            self.stop(signal.SIGQUIT)
        self.kill()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What `psql` prints for a statement: unaligned, tuples only."""
        psql = program("psql", _postgresql_folder())
        command = [psql, self.url(database), "--no-psqlrc", "-qAtc", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def run_postgresql(*options: str) -> Iterator[PostgresqlServer]:
    """A fresh PostgreSQL; `options` are of the form name=value."""
    binaries = _postgresql_folder()
    postgres, initdb = program("postgres", binaries), program("initdb", binaries)
    with server_folder(POSTGRESQL_USER) as folder:
        data = folder / "data"
        subprocess.run(
            [*as_user(POSTGRESQL_USER), initdb, "-D", data, *INITDB_OPTIONS],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *options]
        command = [postgres, "-D", str(data), "-p", str(port)]
        for setting in settings:
            command += ["-c", setting]
        server = PostgresqlServer(
            command, port, folder, user=POSTGRESQL_USER, ready=_postgresql_ready
        )
        server.start()
        try:
            yield server
        finally:
            server.clear_away()


def _postgresql_ready(port: int) -> bool:
    ready = program("pg_isready", _postgresql_folder())
    command = [ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-U", POSTGRESQL_USER]
    return subprocess.run(command, check=False).returncode == 0


@pytest.fixture(scope="session")
def shared_postgresql() -> Iterator[PostgresqlServer]:
    """One PostgreSQL for all tests of a worker that do it no harm; it may forget on a power cut."""
    with run_postgresql("fsync=off") as server:
        yield server


@pytest.fixture
def postgresql_url(shared_postgresql: PostgresqlServer) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"test_{time.monotonic_ns()}"
    shared_postgresql.sql(f"CREATE DATABASE {name}")
    yield shared_postgresql.url(name)
    shared_postgresql.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL of the test's own, to be killed and frozen."""
    with run_postgresql() as server:
        yield server


# -- MQTT brokers ----------------------------------------------------------------------------------


@contextlib.contextmanager
def run_mosquitto(*lines: str, port: int | None = None) -> Iterator[RealServer]:
    """A mosquitto that lets everybody in and keeps its sessions in a file; `lines` of its settings
    come before those.
    """
    mosquitto = program("mosquitto", "/usr/sbin", "/usr/local/sbin")
    with server_folder() as folder:
        port = port or free_port()
        settings = [
            *lines,
            f"listener {port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "max_queued_messages 0",
            "user root" if os.getuid() == 0 else "",
        ]
        file = folder / "mosquitto.conf"
        file.write_text("\n".join(settings) + "\n")
        server = RealServer([mosquitto, "-c", str(file)], port, folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def mosquitto_server() -> Iterator[RealServer]:
    """A broker of the test's own: `mqtt://127.0.0.1:{port}`."""
    with run_mosquitto() as server:
        yield server
