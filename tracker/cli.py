"""The command line: serve, demo, migrate, check-config. Errors are one line and a non-zero exit."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import structlog
import typer
import uvloop
from rich.console import Console

import tracker
from tracker import config as settings
from tracker.errors import StartError, TrackerError
from tracker.logs import set_up_logs

app = typer.Typer(
    name="tracker",
    help="Real-time vehicle tracking: device frames in, a live map out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Http = Annotated[str | None, typer.Option(help="Address for browsers, host:port.")]
Devices = Annotated[str | None, typer.Option(help="Address for trackers, host:port.")]
Bus = Annotated[str | None, typer.Option(help="memory:// or redis://…")]
Store = Annotated[str | None, typer.Option(help="sqlite:///… or postgresql://…")]
Data = Annotated[Path | None, typer.Option(help="Folder for what this node keeps.")]
Node = Annotated[str | None, typer.Option(help="Name of this node among others.")]
Unknown = Annotated[str | None, typer.Option(help="Unknown devices: auto, pending or reject.")]
Public = Annotated[
    bool | None,
    typer.Option(
        "--allow-public-without-login",
        help="Listen beyond this machine although there are no accounts.",
    ),
]


def main() -> None:
    """The console script."""
    app()


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except TrackerError as exc:
        typer.echo(f"tracker: {exc.message}", err=True)
        raise typer.Exit(1) from None


def _load(**options: Any) -> settings.Config:
    config = settings.load(**{key: value for key, value in options.items() if value is not None})
    set_up_logs(config.log_level, config.log_format)
    for name in settings.unknown_settings():
        structlog.get_logger(__name__).warning("config.unknown_setting", name=name)
    return config


@app.command()
def serve(
    http: Http = None,
    devices: Devices = None,
    bus: Bus = None,
    store: Store = None,
    data: Data = None,
    node: Node = None,
    unknown_devices: Unknown = None,
    allow_public_without_login: Public = None,
) -> None:
    """Run one node until Ctrl-C or SIGTERM."""
    with _one_line_errors():
        config = _load(
            http=http,
            devices=devices,
            bus=bus,
            store=store,
            data=data,
            node=node,
            unknown_devices=unknown_devices,
            allow_public_without_login=allow_public_without_login,
        )
        _run(config)


@app.command()
def demo(
    vehicles: Annotated[int, typer.Option(help="Simulated vehicles.", min=1, max=20_000)] = 100,
    http: Http = None,
    devices: Devices = None,
    bus: Bus = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Run a node with a simulated fleet that reports to it over TCP."""
    with _one_line_errors():
        config = _load(http=http, devices=devices, bus=bus, store=store, data=data)
        _run(config, fleet=vehicles)


@app.command()
def migrate(store: Store = None, data: Data = None) -> None:
    """Bring the store's schema to the newest version, and stop."""
    with _one_line_errors():
        config = _load(store=store, data=data)
        uvloop.run(_migrate(config))
        typer.echo(f"{_without_password(config.store_url)} is up to date")


@app.command("check-config")
def check_config() -> None:
    """Read the settings and the files that they name, say what they are, and stop."""
    from tracker.app import build  # noqa: PLC0415 - as in _run

    with _one_line_errors():
        config = _load()
        build(config)  # which starts nothing, and refuses what a start would
        for key in sorted(type(config).model_fields):
            value = getattr(config, key)
            typer.echo(f"{key} = {_without_password(str(value))}")


@app.command()
def conformance(
    vectors: Annotated[Path, typer.Option(help="Folder of NAME.jsonl files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay recorded device frames and compare the readings (docs/conformance.md)."""
    from tracker.conformance import replay, report  # noqa: PLC0415 - as in _run

    with _one_line_errors():
        result = replay.run(vectors, time.time())
    if as_json:
        typer.echo(orjson.dumps(result.plain(), option=orjson.OPT_INDENT_2))
    else:
        report.show(result, Console())


@app.command()
def version() -> None:
    """The version."""
    typer.echo(tracker.__version__)


def _without_password(text: str) -> str:
    head, at, tail = text.rpartition("@")
    if not at or "://" not in head:
        return text
    scheme, _, credentials = head.partition("://")
    return f"{scheme}://{credentials.partition(':')[0]}:***@{tail}"


async def _migrate(config: settings.Config) -> None:
    from tracker.storage import create_store  # noqa: PLC0415 - as in _run

    config.data.mkdir(parents=True, exist_ok=True)
    await create_store(config.store_url, config.data).migrate()


def _run(config: settings.Config, fleet: int = 0) -> None:
    # Imported here: `tracker --help` and a wrong setting need not wait for the whole house.
    from tracker.app import build  # noqa: PLC0415

    _raise_file_limit()
    web_app = build(config)
    web_app.on_startup.append(_settle_memory)
    uvloop.run(_serve(web_app, config, fleet))


async def _serve(web_app: Any, config: settings.Config, fleet: int) -> None:
    from tracker.lifecycle import serve as serve_app  # noqa: PLC0415 - see _run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(serve_app(web_app, stop))
    started = asyncio.create_task(_started(config))
    await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
    simulator: subprocess.Popen[bytes] | None = None
    try:
        if not serving.done():
            if fleet:
                simulator = _start_fleet(config, fleet)
            typer.echo(f"Open http://{_reachable(config.http)}/   (Ctrl-C stops)")
        await serving
    finally:
        started.cancel()
        if simulator is not None:
            simulator.terminate()
            simulator.wait()


async def _settle_memory(_app: object) -> None:
    """Take long-lived parts out of the collector's sight: its pauses fall with them.

    Once everything has started and before the first tick: the collection itself takes 80 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _started(config: settings.Config) -> None:
    """Until the address for browsers answers."""
    host, port = settings.parse_address(_reachable(config.http))
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def _reachable(address: str) -> str:
    """The address by which this machine reaches itself, for one that means all interfaces."""
    host, port = settings.parse_address(address)
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _start_fleet(config: settings.Config, vehicles: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "simulator", "fleet", "--vehicles", str(vehicles)]
    command += ["--rate", "1", "--to", _reachable(config.devices)]
    try:
        # A session of its own: Ctrl-C reaches us, and we stop it in order.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as exc:
        raise StartError(f"cannot start the simulator: {exc}") from None


def _raise_file_limit() -> None:
    """Each device and each viewer is an open file: take all that we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
