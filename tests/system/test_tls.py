"""TLS on the devices' port: detection inside it, what may go wrong, renewal; over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from tests.certificates import Authority
from tests.devices import Device, ack, heartbeat, login, position
from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.devices.strangers import Why
from tracker.devices.tls import HANDSHAKE_BYTES
from tracker.web import keys

HELLO = bytes.fromhex("1603010200010001fc0303")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "pki"
    folder.mkdir()
    return Authority(folder)


def port(tracker: InProcess) -> int:
    return tracker.app[keys.GATEWAY].port


async def connect(number: int, context: ssl.SSLContext, ident: str | None = None) -> Device:
    device = Device(*await asyncio.open_connection("127.0.0.1", number, ssl=context))
    if ident is not None:
        await device.ask(login(ident), ack(3))
    return device


def strangers(tracker: InProcess) -> list[tuple[Why, str, str]]:
    return [(one.why, one.transport, one.protocol) for one in tracker.app[keys.GATEWAY].strangers]


GT06_LOGIN = bytes.fromhex("78780D0103563070424410130001D4A90D0A")
CONVERSATIONS = {
    "frame55": (login("1001"), ack(3)),
    "gt06": (GT06_LOGIN, bytes.fromhex("787805010001D9DC0D0A")),
    "wialon": (b"#L#356307042441013;NA\r\n", b"#AL#1\r\n"),
    "h02": (
        b"*HQ,1234567890,V1,121314,A,2232.4000,N,11403.5400,E,010.00,090,010325,FFFFFBFF#",
        b"*HQ,1234567890,V4,V1,",  # and the time
    ),
}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_every_protocol_is_told_inside_on_either_loop(
    tmp_path: Path, authority: Authority, loop: str
) -> None:
    async def run() -> None:
        async with running_tracker(tmp_path, **authority.settings()) as tracker:
            gateway = tracker.app[keys.GATEWAY]
            for name, (said, answer) in CONVERSATIONS.items():
                device = await connect(port(tracker), authority.client())
                await device.ask(said, answer)
                await until(lambda name=name: gateway.frames[name] >= 1)
                await device.close()
            assert gateway.stats["tls_connections"] == len(CONVERSATIONS)
            assert strangers(tracker) == []
            await until(lambda: not gateway.connections)
            assert gateway.turnstile.under_way == 0
            bare = await Device.connect(port(tracker), "1001")  # the same port takes both
            await bare.report(time.time(), 1, 2)
            await bare.close()

    if loop == "uvloop":
        uvloop.run(run())
    else:
        asyncio.run(run())


async def test_http_inside(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        url = f"https://127.0.0.1:{port(tracker)}/"
        query = {"id": "phone-1", "lat": "46.05", "lon": "14.5", "timestamp": str(int(time.time()))}
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(url, params=query, ssl=authority.client()) as answer:
                    assert answer.status == 200
        assert tracker.app[keys.GATEWAY].frames["osmand"] >= 2
        assert tracker.app[keys.JOURNAL].committed_positions == 2


async def test_bytes_one_by_one_and_frames_across_records(
    tmp_path: Path, authority: Authority
) -> None:
    """The wire is cut anywhere: the ClientHello, records, and frames over records."""
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        reader, writer = await asyncio.open_connection("127.0.0.1", port(tracker))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")

        async def exchange(action: Callable[[], Any]) -> Any:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        result = action()
                    except ssl.SSLWantReadError:
                        result = None
                    for byte in outgoing.read():
                        writer.write(bytes((byte,)))
                        await asyncio.sleep(0)
                    if result is not None:
                        return result
                    incoming.write(await reader.read(7))

        def shaken() -> bool:
            tls.do_handshake()
            return True

        await exchange(shaken)
        for byte in login("1001") + heartbeat():
            tls.write(bytes((byte,)))
        answer = b""
        while len(answer) < len(ack(3) + ack(2)):
            answer += await exchange(lambda: tls.read(1000))
        assert answer == ack(3) + ack(2)
        writer.close()


async def test_first_bytes_that_came_with_the_hello_are_not_lost(
    tmp_path: Path, authority: Authority
) -> None:
    """A client that has a session sends its data with the end of its handshake."""
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        context = authority.client()
        for number in range(3):
            device = await connect(port(tracker), context)
            device.send(login(f"100{number}") + position(time.time(), 1, 2))
            await device.ask(heartbeat(), ack(3) + ack(1) + ack(2))
            await device.close()


async def test_unknown_bytes_inside_are_kept_as_what_they_were_inside(
    tmp_path: Path, authority: Authority
) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        device = await connect(port(tracker), authority.client())
        device.send(b"\xff\xfe\xfd" * 100)
        assert await device.closed() == b""
        await until(lambda: strangers(tracker) == [(Why.UNKNOWN, "tls", "")])
        (kept,) = tracker.app[keys.GATEWAY].strangers
        assert kept.sample[:3] == b"\xff\xfe\xfd"
        assert len(kept.sample) == 256


async def test_tls_within_tls_is_not_a_protocol(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        device = await connect(port(tracker), authority.client())
        device.send(HELLO)
        await device.closed()
        await until(lambda: strangers(tracker) == [(Why.UNKNOWN, "tls", "")])


async def test_without_a_certificate_the_reason_is_counted_and_told(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        with pytest.raises(OSError):  # noqa: PT011 - which one is the client's matter
            await connect(port(tracker), ssl.create_default_context())
        await until(lambda: gateway.closed["tls_not_configured"] == 1)
        assert strangers(tracker) == [(Why.TLS_NOT_CONFIGURED, "tcp", "")]


async def test_a_device_must_show_a_certificate_where_an_authority_is_set(
    tmp_path: Path, authority: Authority
) -> None:
    settings = authority.settings(tls_client_ca=authority.ca_file)
    async with running_tracker(tmp_path, **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        known = await connect(port(tracker), authority.client(authority.write("device")), "1001")
        await known.report(time.time(), 1, 2)
        await known.close()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await connect(port(tracker), authority.client(), "1002")
        await until(lambda: gateway.decode_errors["tls", "certificate"] == 1)
        await until(lambda: gateway.closed["tls_failed"] == 1)
        assert strangers(tracker) == [(Why.TLS_FAILED, "tcp", "")]


@pytest.mark.parametrize(("minimum", "spoken"), [("1.2", False), ("1.0", True)])
async def test_old_versions_only_where_they_are_allowed(
    tmp_path: Path, authority: Authority, minimum: str, spoken: bool
) -> None:
    async with running_tracker(tmp_path, **authority.settings(tls_minimum=minimum)) as tracker:
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = authority.client()
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            if spoken:
                device = await connect(port(tracker), context, "1001")
                await device.report(time.time(), 1, 2)
                await device.close()
            else:
                with pytest.raises(OSError):  # noqa: PT011 - see above
                    await connect(port(tracker), context)
        if not spoken:
            gateway = tracker.app[keys.GATEWAY]
            await until(lambda: gateway.decode_errors["tls", "version"] == 2)


async def test_a_handshake_must_end_within_the_login_timeout(
    tmp_path: Path, authority: Authority
) -> None:
    settings = authority.settings(login_timeout_s=0.5)
    async with running_tracker(tmp_path, **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        device = await Device.connect(port(tracker))
        device.send(HELLO)
        assert await device.closed() == b""
        await until(lambda: gateway.closed["tls_timeout"] == 1)
        assert gateway.turnstile.under_way == 0
        assert strangers(tracker) == [(Why.TLS_FAILED, "tcp", "")]


async def test_no_more_handshakes_than_there_is_room_for(
    tmp_path: Path, authority: Authority
) -> None:
    settings = authority.settings(max_tls_handshakes=8)  # two of an address
    async with running_tracker(tmp_path, **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        begun = [await Device.connect(port(tracker)) for _ in range(2)]
        for device in begun:
            device.send(HELLO)
        await until(lambda: gateway.turnstile.under_way == 2)
        third = await Device.connect(port(tracker))
        third.send(HELLO)
        assert await third.closed() == b""
        await until(lambda: gateway.closed["tls_busy"] == 1)
        for device in begun:
            await device.close()
        await until(lambda: gateway.turnstile.under_way == 0)
        again = await connect(port(tracker), authority.client(), "1001")
        await again.close()


async def test_one_address_does_not_keep_others_from_a_handshake(
    tmp_path: Path, authority: Authority
) -> None:
    settings = authority.settings(max_tls_handshakes=4)
    async with running_tracker(tmp_path, **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        begun = [await Device.connect(port(tracker)) for _ in range(5)]
        for device in begun:
            device.send(HELLO)
        await until(lambda: gateway.closed["tls_busy"] == 4)
        assert gateway.turnstile.under_way == 1
        other = Device(
            *await asyncio.open_connection(
                "127.0.0.1", port(tracker), ssl=authority.client(), local_addr=("127.0.0.2", 0)
            )
        )
        await other.ask(login("1001"), ack(3))
        await other.close()
        for device in begun:
            await device.close()
        await until(lambda: gateway.turnstile.under_way == 0)


@pytest.mark.parametrize("records", [1, 3_000], ids=["one write", "a record for each frame"])
async def test_a_talkative_device_inside_takes_turns(
    tmp_path: Path, authority: Authority, records: int
) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        device = await connect(port(tracker), authority.client(), "1001")
        for _ in range(records):
            device.send(heartbeat() * (3_000 // records))
        longest, before = 0, gateway.frames["frame55"]
        while (done := gateway.frames["frame55"]) < 3_001:
            longest, before = max(longest, done - before), done
            await asyncio.sleep(0)
        assert longest < 1_000
        assert gateway.stats["turns_held"] > 10
        await device.ask(b"", ack(2) * 3_000)
        await device.report(time.time(), 1, 2)
        await device.close()
        await until(lambda: not gateway.connections)


@pytest.mark.parametrize("polite", [True, False])
async def test_who_says_no_more_inside_still_gets_its_answer(
    tmp_path: Path, authority: Authority, *, polite: bool
) -> None:
    """By TLS's own goodbye, or by the end of the stream below it."""
    settings = authority.settings(journal_linger_ms=50)
    async with running_tracker(tmp_path, **settings) as tracker:
        reader, writer = await asyncio.open_connection("127.0.0.1", port(tracker))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await asyncio.wait_for(reader.read(65_536), PATIENCE_S))
        tls.write(login("1001") + position(time.time(), 1, 2))
        if polite:
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.unwrap()
        writer.write(outgoing.read())
        if not polite:
            writer.write_eof()
        incoming.write(await asyncio.wait_for(reader.read(), PATIENCE_S))
        said = b""
        while len(said) < len(ack(3) + ack(1)):
            said += tls.read(1_000)
        assert said == ack(3) + ack(1)
        writer.close()
        await until(lambda: not tracker.app[keys.GATEWAY].connections)


async def test_a_fleet_comes_at_once(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        context = authority.client()
        devices = await asyncio.gather(
            *(connect(port(tracker), context, f"20{number:03}") for number in range(60))
        )
        assert tracker.app[keys.GATEWAY].stats["tls_connections"] == 60
        await asyncio.gather(*(device.report(time.time(), 1, 2) for device in devices))
        for device in devices:
            await device.close()


async def test_a_hello_that_never_ends_is_bounded(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        device = await Device.connect(port(tracker))
        # Records that are part of one ClientHello of 16 MB.
        device.send(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(0x3FFC))
        for _ in range(2 * HANDSHAKE_BYTES // 0x4000):
            device.send(b"\x16\x03\x01\x40\x00" + bytes(0x4000))
        with contextlib.suppress(ConnectionError):  # what we had not read yet
            await device.closed()
        await until(lambda: gateway.closed["tls_failed"] == 1)


@pytest.mark.parametrize("seed", range(5))
async def test_garbage_behind_the_hello_or_inside(
    tmp_path: Path, authority: Authority, seed: int
) -> None:
    """Closed, counted, and nobody else is harmed."""
    noise = random.Random(seed)
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        good = await connect(port(tracker), authority.client(), "1001")
        broken = await Device.connect(port(tracker))
        broken.send(HELLO + noise.randbytes(2_000))
        await broken.closed()
        inside = await connect(port(tracker), authority.client(), "1002")
        raw = inside.writer.transport.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(raw.fileno())) as same:
            same.send(b"\x17\x03\x03\x00\x40" + noise.randbytes(64))
        await until(lambda: gateway.closed["tls_broken"] == 1)
        inside.writer.transport.abort()
        assert gateway.closed["tls_failed"] == 1
        assert sum(n for (name, _), n in gateway.decode_errors.items() if name == "tls") == 2
        await good.report(time.time(), 1, 2)
        await good.close()


async def test_goodbyes(tmp_path: Path, authority: Authority) -> None:
    """close_notify, a bare end of the stream and a reset: all leave nothing behind."""
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        polite = await connect(port(tracker), authority.client(), "1001")
        await polite.close()  # asyncio says close_notify
        reset = await connect(port(tracker), authority.client(), "1002")
        raw = reset.writer.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.writer.transport.abort()
        await until(lambda: not gateway.connections)
        assert gateway.closed["peer"] + gateway.closed["error"] == 2
        dismissed = await connect(port(tracker), authority.client(), "1003")
        gateway.dismiss(next(iter(gateway.by_vehicle)))
        assert await dismissed.closed() == b""  # an end, not an error: we said close_notify
        await until(lambda: not gateway.connections)
        assert not gateway.by_address


async def test_a_device_that_takes_no_answers_is_not_read_and_not_kept(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.devices.connection.CLOSE_FLUSH_S", 0.5)
    settings = authority.settings(heartbeat_s=0.5)
    async with running_tracker(tmp_path, **settings) as tracker:
        context = authority.client()
        device = await Device.connect_narrow(
            port(tracker), "1001", ssl=context, server_hostname="127.0.0.1"
        )
        device.writer.transport.pause_reading()
        gateway = tracker.app[keys.GATEWAY]
        block = heartbeat() * 10_000
        async with asyncio.timeout(PATIENCE_S):
            while not gateway.closed:
                device.send(block)
                await asyncio.sleep(0.01)
        assert gateway.closed["silent"] + gateway.closed["error"] == 1
        device.writer.transport.abort()


async def test_reading_stops_while_the_journal_is_full_and_goes_on_with_what_waited(
    tmp_path: Path, authority: Authority
) -> None:
    settings = authority.settings(journal_max_pending=100)
    async with running_tracker(tmp_path, **settings) as tracker:
        device = await connect(port(tracker), authority.client(), "1001")
        now = int(time.time())
        count = 3_000  # 75 kB: several records, far more than the journal takes at once
        frames = b"".join(position(now - count + n, 46 + n * 1e-6, 14.5) for n in range(count))
        await device.ask(frames, ack(1) * count)
        assert tracker.app[keys.GATEWAY].stats["pauses"] >= 1
        assert tracker.app[keys.JOURNAL].committed_positions == count
        await device.close()


async def test_renewal(tmp_path: Path, authority: Authority) -> None:
    """A new pair serves the next connection; a bad one changes nothing; old ones live on."""
    settings = authority.settings()
    async with running_tracker(tmp_path, **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        certificates = gateway.certificates
        assert certificates is not None

        async def shown() -> bytes:
            device = await connect(port(tracker), authority.client(), "1009")
            found = device.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            await device.close()
            return bytes(found)

        old = await connect(port(tracker), authority.client(), "1001")
        first = await shown()
        assert not await asyncio.to_thread(certificates.renew)
        certificate, key = authority.write()
        assert await asyncio.to_thread(certificates.renew)
        second = await shown()
        assert first != second
        for bad in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            certificate.write_bytes(bad)
            assert not await asyncio.to_thread(certificates.renew)
            assert await shown() == second
        key.unlink()
        assert not await asyncio.to_thread(certificates.renew)
        assert await shown() == second
        assert certificates.stats == {"renewals": 1, "failures": 3}
        authority.write()
        assert await asyncio.to_thread(certificates.renew)
        assert await shown() not in (first, second)
        await old.report(time.time(), 1, 2)
        await old.close()


async def test_half_of_a_new_pair_is_waited_out(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        certificates = tracker.app[keys.GATEWAY].certificates
        assert certificates is not None
        certificate, key = authority.folder / "server.pem", authority.folder / "server.key"
        other_certificate, other_key = authority.write("other")
        certificate.write_bytes(other_certificate.read_bytes())
        assert not certificates.renew()
        key.write_bytes(other_key.read_bytes())
        assert certificates.renew()
        assert certificates.stats == {"renewals": 1, "failures": 1}


async def test_metrics(tmp_path: Path, authority: Authority) -> None:
    async with running_tracker(tmp_path, **authority.settings()) as tracker:
        device = await connect(port(tracker), authority.client(), "1001")
        async with tracker.session.get(f"{tracker.url}/metrics") as response:
            text = await response.text()
        assert "tracker_tls_connections_total 1.0" in text
        assert "tracker_tls_handshakes_unfinished 0.0" in text
        assert "tracker_tls_renewals_total 0.0" in text
        assert "tracker_tls_renewal_failures_total 0.0" in text
        assert "tracker_device_strangers 0.0" in text
        await device.close()
