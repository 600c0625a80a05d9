"""Devices on the one port, over real sockets: answers, limits, policies, damage, silence."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time

import pytest

from tests.devices import Device, ack, frame, heartbeat, login, position
from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.devices.dialogue import MAX_UNSAID
from tracker.devices.turns import TURN_STEPS
from tracker.web import keys


def port(tracker: InProcess) -> int:
    return tracker.app[keys.GATEWAY].port


async def test_a_position_is_answered_when_it_is_on_disk(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker), "356307042441013")
        now = int(time.time())
        await device.report(now, 22.54, 114.059)
        journal = tracker.app[keys.JOURNAL]
        assert journal.committed_positions == 1
        assert journal.pending == 0
        await device.close()


async def test_answers_come_in_the_order_of_the_frames(tmp_path):
    """A heartbeat behind a position waits for the position's answer to leave first."""
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        device = await Device.connect(port(tracker), "1001")
        now = int(time.time())
        frames = [position(now - 5, 1, 2), heartbeat(), position(now - 4, 1, 2), heartbeat()]
        await device.ask(b"".join(frames), ack(1) + ack(2) + ack(1) + ack(2))
        await device.close()


async def test_bytes_one_by_one_are_the_same_bytes(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker))
        for byte in login("1001") + position(time.time(), 46.05, 14.5):
            device.send(bytes((byte,)))
            await asyncio.sleep(0)
        await device.ask(b"", ack(3) + ack(1))
        await device.close()


async def test_a_frame_before_the_login_gets_its_refusal_and_the_login_may_follow(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker))
        await device.ask(position(time.time(), 1, 2), ack(1, 2))
        await device.ask(login("1001"), ack(3))
        await device.report(time.time(), 1, 2)
        await device.close()


async def test_protocol_options_reach_the_decoder(tmp_path):
    async with running_tracker(tmp_path, protocol_options={"frame55_ack": "echo"}) as tracker:
        device = await Device.connect(port(tracker))
        await device.ask(login("1001"), frame(0x83, b"\x00"))
        await device.close()


async def test_damage_is_counted_and_the_next_good_frame_gets_its_answer(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker), "1001")
        bad = bytearray(position(time.time(), 46.05, 14.5))
        bad[10] ^= 0x40
        await device.ask(bytes(bad) + position(time.time(), 46.06, 14.5), ack(1))
        gateway = tracker.app[keys.GATEWAY]
        assert sum(gateway.decode_errors.values()) >= 1
        found = await tracker.get("/api/v1/vehicles", params={"device": "1001"})
        await until(lambda: tracker.app[keys.WORLD].counts() != [0] * 5)
        found = await tracker.get("/api/v1/vehicles", params={"device": "1001"})
        assert found["vehicles"][0]["position"]["lat"] == 46.06
        await device.close()


async def test_noise_for_ever_closes_the_connection(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker), "1001")
        noise = random.Random(7)
        for _ in range(10):  # 600 kB
            device.send(noise.randbytes(60_000))
        await until(lambda: tracker.app[keys.GATEWAY].closed["bad_frames"] == 1)
        await device.close()


async def test_an_unknown_protocol_gets_no_answer(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker))
        device.send(b"\xff\xfe\xfd" * 200)
        assert await device.closed() == b""
        gateway = tracker.app[keys.GATEWAY]
        await until(lambda: gateway.closed["unknown_protocol"] == 1)


async def test_the_newer_connection_of_a_device_wins(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        older = await Device.connect(port(tracker), "1001")
        newer = await Device.connect(port(tracker), "1001")
        assert await older.closed() == b""
        await newer.report(time.time(), 46.05, 14.5)
        gateway = tracker.app[keys.GATEWAY]
        assert gateway.closed["replaced"] == 1
        assert len(gateway.connections) == 1
        assert len(gateway.by_vehicle) == 1
        await newer.close()
        await until(lambda: not gateway.connections and not gateway.by_vehicle)
        assert not gateway.by_address


async def test_silence_for_three_heartbeats_closes_and_is_counted(tmp_path):
    async with running_tracker(tmp_path, heartbeat_s=0.3) as tracker:
        device = await Device.connect(port(tracker), "1001")
        await device.closed()
        assert tracker.app[keys.GATEWAY].closed["silent"] == 1


async def test_a_device_that_takes_no_answers_is_not_kept_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("tracker.devices.connection.CLOSE_FLUSH_S", 0.5)
    async with running_tracker(tmp_path, heartbeat_s=0.5) as tracker:
        device = await Device.connect_narrow(port(tracker), "1001")
        device.writer.transport.pause_reading()
        gateway = tracker.app[keys.GATEWAY]
        block = heartbeat() * 10_000
        async with asyncio.timeout(PATIENCE_S):
            while not gateway.closed:
                device.send(block)
                await asyncio.sleep(0.01)
        assert gateway.closed["silent"] + gateway.closed["error"] == 1
        device.writer.transport.abort()


async def test_answers_do_not_pile_up_while_the_disk_takes_nothing(tmp_path):
    """Heartbeats behind one position that cannot be stored; all are answered when it can."""
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(port(tracker), "1001")
        lock = sqlite3.connect(tmp_path / "tracker.sqlite", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        device.send(position(time.time(), 46.05, 14.5))
        (connection,) = tracker.app[keys.GATEWAY].connections
        for _ in range(10):
            device.send(heartbeat() * 1_000)
            await asyncio.sleep(0.02)
        most = MAX_UNSAID + TURN_STEPS
        await until(lambda: connection.dialogue.unsaid >= MAX_UNSAID)
        assert connection.dialogue.unsaid <= most
        lock.execute("ROLLBACK")
        lock.close()
        await device.ask(b"", ack(1) + ack(2) * 10_000)
        assert connection.dialogue.unsaid == 0
        await device.close()


async def test_a_talkative_device_keeps_nobody_waiting(tmp_path):
    """However much one connection brings at once, it is handled in pieces and in order."""
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        device = await Device.connect(port(tracker), "1001")
        count, now = 20_000, int(time.time())
        device.send(position(now, 1, 2) + heartbeat() * count + position(now, 1, 3))
        longest, before, waited = 0, 0, 0
        while (done := gateway.frames["frame55"]) < count + 3:
            longest, before = max(longest, done - before), done
            waited = max(waited, len(gateway.turns))
            await asyncio.sleep(0)
        assert longest < count / 10
        assert waited == 1
        assert gateway.stats["turns_held"] > count / TURN_STEPS / 2
        await device.ask(b"", ack(1) + ack(2) * count + ack(1))
        await device.report(now + 1, 1, 2)
        await device.close()


async def test_many_talkative_devices_take_turns(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        devices = [await Device.connect(port(tracker), f"10{n:02}") for n in range(30)]
        for device in devices:
            device.send(heartbeat() * 1_000)
        longest, before = 0, gateway.frames["frame55"]
        while (done := gateway.frames["frame55"]) < 30 * 1_001:
            longest, before = max(longest, done - before), done
            await asyncio.sleep(0)
        assert longest < 30 * 1_000 / 10
        for device in devices:
            await device.ask(b"", ack(2) * 1_000)
            await device.close()


async def test_who_has_more_to_say_is_not_silent_and_is_closed_when_asked_to(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        device = await Device.connect(port(tracker), "1001")
        device.send(heartbeat() * 20_000)
        await until(lambda: len(gateway.turns) == 1)
        (connection,) = gateway.connections
        connection.check_age(asyncio.get_running_loop().time() + 3_600)
        assert not connection.closing
        gateway.dismiss(connection.vehicle.id)
        await until(lambda: not gateway.connections and not len(gateway.turns))
        assert gateway.closed == {"dismissed": 1}
        await device.close()


@pytest.mark.parametrize("behind", [b"", position(0, 1, 2)[:9]])
async def test_who_says_no_more_still_gets_its_answer(tmp_path, behind):
    """Its sending side is shut down; half a frame behind the last changes nothing."""
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        device = await Device.connect(port(tracker))
        device.send(login("1001") + position(time.time(), 1, 2) + heartbeat() + behind)
        device.writer.write_eof()
        assert await device.closed() == ack(3) + ack(1) + ack(2)
        gateway = tracker.app[keys.GATEWAY]
        await until(lambda: not gateway.connections)
        assert gateway.closed == {"peer": 1}


async def test_who_says_no_more_is_not_waited_for(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        for said in (b"", b"\x16\x03", login("1001")):
            device = await Device.connect(port(tracker))
            device.send(said)
            device.writer.write_eof()
            await device.closed()
        await until(lambda: gateway.closed == {"peer": 3})


async def test_an_unfinished_frame_is_not_waited_for_for_ever(tmp_path):
    async with running_tracker(tmp_path, frame_timeout_s=1) as tracker:
        device = await Device.connect(port(tracker), "1001")
        device.send(position(time.time(), 1, 2)[:10])
        await device.closed()
        gateway = tracker.app[keys.GATEWAY]
        assert gateway.closed["unfinished_frame"] == 1
        assert gateway.decode_errors["frame55", "unfinished"] == 1


@pytest.mark.parametrize(
    ("limit", "reason"),
    [({"max_devices": 3}, "too_many"), ({"max_devices_per_address": 3}, "too_many_from_address")],
)
async def test_no_more_connections_than_there_is_room_for(tmp_path, limit, reason):
    async with running_tracker(tmp_path, **limit) as tracker:
        devices = [await Device.connect(port(tracker), f"100{n}") for n in range(3)]
        refused = await Device.connect(port(tracker))
        assert await refused.closed() == b""
        gateway = tracker.app[keys.GATEWAY]
        await until(lambda: gateway.closed[reason] == 1)
        await devices[0].report(time.time(), 1, 2)  # those inside are not harmed
        for device in devices:
            await device.close()
        await until(lambda: not gateway.connections)
        again = await Device.connect(port(tracker), "1009")
        await again.close()


async def test_policy_reject_turns_strangers_away(tmp_path):
    async with running_tracker(tmp_path, unknown_devices="reject") as tracker:
        device = await Device.connect(port(tracker))
        device.send(login("1001"))
        assert await device.closed() == ack(3, 2)
        assert (await tracker.get("/api/v1/vehicles"))["total"] == 0


async def test_policy_pending_keeps_strangers_until_they_are_admitted(tmp_path):
    async with running_tracker(tmp_path, unknown_devices="pending") as tracker:
        device = await Device.connect(port(tracker))
        device.send(login("1001"))
        assert await device.closed() == ack(3, 2)
        listed = await tracker.get("/api/v1/vehicles", params={"state": "pending"})
        assert [vehicle["device"] for vehicle in listed["vehicles"]] == ["1001"]
        assert tracker.app[keys.WORLD].counts() == [0] * 5
        url = f"{tracker.url}/api/v1/vehicles/{listed['vehicles'][0]['id']}"
        async with tracker.session.patch(url, json={"status": "active"}) as answer:
            assert answer.status == 200
        admitted = await Device.connect(port(tracker), "1001")
        await admitted.report(time.time(), 46.05, 14.5)
        await admitted.close()


async def test_new_identities_are_limited_per_minute_and_known_ones_are_not(tmp_path):
    async with running_tracker(tmp_path, max_new_devices_per_minute=3) as tracker:
        for number in range(3):
            await (await Device.connect(port(tracker), f"100{number}")).close()
        stranger = await Device.connect(port(tracker))
        stranger.send(login("2001"))
        assert await stranger.closed() == ack(3, 2)
        known = await Device.connect(port(tracker), "1001")
        await known.report(time.time(), 1, 2)
        await known.close()


async def test_a_stored_backlog_goes_to_the_history_and_not_to_the_map(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=0.2) as tracker:
        device = await Device.connect(port(tracker), "1001")
        now = int(time.time())
        await device.report(now, 46.05, 14.5)
        for age in range(20, 10, -1):
            await device.report(now - age, 45.0, 14.0)
        await until(lambda: tracker.app[keys.WORLD].counts()[0] == 1)
        vehicle = (await tracker.get("/api/v1/vehicles"))["vehicles"][0]
        assert vehicle["position"]["lat"] == 46.05
        track = await tracker.get(f"/api/v1/vehicles/{vehicle['id']}/positions")
        assert [p["lat"] for p in track["positions"]] == [45.0] * 10 + [46.05]
        await device.close()


async def test_the_same_position_twice_is_stored_once_and_answered_twice(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=0.2) as tracker:
        device = await Device.connect(port(tracker), "1001")
        now = int(time.time())
        for _ in range(2):
            await device.report(now, 46.05, 14.5)
        await device.report(now, 46.06, 14.5)  # another fix in the same second is another fix
        vehicle = (await tracker.get("/api/v1/vehicles"))["vehicles"][0]
        track = await tracker.get(f"/api/v1/vehicles/{vehicle['id']}/positions")
        assert [p["lat"] for p in track["positions"]] == [46.05, 46.06]
        await device.close()


async def test_three_hundred_devices_from_one_address_at_once(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        devices = await asyncio.gather(
            *(Device.connect(port(tracker), f"10000{n:04}") for n in range(300))
        )
        now = time.time()
        await asyncio.gather(*(d.report(now, 46 + n / 1e3, 14) for n, d in enumerate(devices)))
        await until(lambda: sum(tracker.app[keys.WORLD].counts()) == 300)
        listed = await tracker.get("/api/v1/vehicles")
        found = {v["device"]: v["position"]["lat"] for v in listed["vehicles"]}
        assert found == {f"10000{n:04}": 46 + n / 1e3 for n in range(300)}
        for device in devices:
            await device.close()
