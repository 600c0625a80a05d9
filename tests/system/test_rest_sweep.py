"""Every operation of the OpenAPI document, asked with what no client should send.

Whatever comes, on either store: no answer of 5xx, and every error is a problem with a code.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from yarl import URL

from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.model import Fix
from tracker.web import keys
from tracker.web.openapi import DOCUMENT
from tracker.web.relay_api import NDJSON

PROBLEM = "application/problem+json"
METHODS = ("get", "post", "patch", "put", "delete")

# In a query, in a path and in a header; those with a % stand there as they are.
TEXTS = [
    "", "0", "-1", "1.5", "1e400", "NaN", "-inf", "9" * 400, "9223372036854775808", "true", "[]",
    "{}", "[" * 300 + "]" * 300, "[" * 1_500, "%00", "a%00b", "%ff", "%ED%A0%80", "../..",
    "x" * 5_000,
    "٣", "²", "1_000", " 5 ", "1,2,3,4", "-180,-90,180,90", "nan,nan,nan,nan", "1e308,1e308,9,9",
    "0001-01-01T00:00:00Z", "0001-01-01", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z", "2026-01-01T00:00:00%2B99:99", "99999999999", "0", "-62135596801",
    "Europe/Nowhere", "../../etc/passwd", "%00Europe", "Asia/Shanghai", "csv", "gpx", "moving",
]  # fmt: skip
HEADERS = ["", "x" * 201, "\xff", "\t", "bytes=9-1", "*"]


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


JSON_VALUES = [
    b"null", b"true", b"0", b"-1", b"1.5", b"1e308", b"1e400", b"18446744073709551616", b"9" * 500,
    b'""', b'"x"', b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\xff"', b"NaN",
    b'"%s"' % (b"x" * 100_000), b"[]", b"{}", b"[null]", b'{"a":{"b":1}}',
    b'"0001-01-01T00:00:00Z"', nested(200), nested(255), nested(300), nested(1_000), nested(1_023),
    nested(1_024), nested(50_000),
]  # fmt: skip
BODIES = [*JSON_VALUES, b"", b"{", b"\x00", b"\xff\xfe", b'{"a":1,}', b'{"":1}', b'{"a\\u0000":1}']

# What makes the rest of a body right while one member is wrong. No broker is there for the device:
# what is right with the relay is a 404.
RIGHT = {
    "kind": b'"locate"',
    "device_id": b'"zz"',
    "topic": b'"t"',
    "message": b'"m"',
    "area": b'{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}',
}
BROKER = {"name": "none", "url": "mqtt://127.0.0.1:1", "first": "a", "last": "b"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> str:
    """The setting of each store; "": the file in the data folder."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


class Sweep:
    """Asks, and keeps what should not have been answered."""

    def __init__(self, tracker: InProcess, names: dict[str, str]) -> None:
        self.tracker = tracker
        self.names = names  # of what a path names, as it stands there
        self.asked: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[Any] = []

    async def ask(self, method: str, path: str, query: str = "", **more: Any) -> None:
        names = self.names | more.pop("names", {})
        where = path
        for name, value in names.items():
            where = where.replace(f"{{{name}}}", value)
        assert "{" not in where, path
        url = URL(f"{self.tracker.url}{where}{query}", encoded=True)
        self.asked[method, path] += 1
        try:
            async with (
                asyncio.timeout(PATIENCE_S),  # an answer that does not come is wrong as well
                self.tracker.session.request(method, url, **more) as response,
            ):
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as exc:
            self.wrong.append((method, where + query[:80], more, repr(exc)))
            return
        self.statuses[response.status] += 1
        if not self._right(response, body):
            what = more.get("data"), more.get("headers")
            self.wrong.append((method, where + query[:80], what, response.status, body[:200]))

    def _right(self, response: aiohttp.ClientResponse, body: bytes) -> bool:
        if response.status >= 500:
            return False
        if response.status < 400:
            return True
        if response.content_type != PROBLEM:
            return False
        problem = orjson.loads(body)
        return problem["status"] == response.status and bool(problem["code"] and problem["detail"])

    async def operation(self, method: str, path: str, described: dict[str, Any]) -> None:
        """One operation with everything that is wrong."""
        data = b"{}" if method in ("post", "patch") else None
        await self.ask(method, path)
        for name in self.names:
            if f"{{{name}}}" in path:
                for text in TEXTS:
                    await self.ask(method, path, names={name: escaped(text)}, data=data)
        for one in described.get("parameters", ()):
            if one["in"] == "query":
                for text in TEXTS:
                    await self.ask(method, path, f"?{one['name']}={escaped(text)}", data=data)
            elif one["in"] == "header":
                for text in HEADERS:
                    await self.ask(method, path, data=data, headers={one["name"]: text})
        for kind, content in described.get("requestBody", {}).get("content", {}).items():
            await self.body(method, path, kind, content["schema"])

    async def body(self, method: str, path: str, kind: str, schema: dict[str, Any]) -> None:
        """One kind of body: none, another, and a right one with one member wrong or missing."""
        headers = {"Content-Type": kind}
        for data in BODIES:
            await self.ask(method, path, data=data, headers=headers)
        for encoding in ("gzip", "deflate"):
            wrong = headers | {"Content-Encoding": encoding}
            if kind == NDJSON:  # the answer had begun: that the connection ends it could not say
                wrong["Connection"] = "close"
            await self.ask(method, path, data=b"garbage", headers=wrong)
        if "$ref" in schema:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        members = schema.get("properties", {})
        right = {name: value for name, value in RIGHT.items() if name in members}
        for name in members:
            rest = {other: value for other, value in right.items() if other != name}
            await self.ask(method, path, data=whole(rest), headers=headers)
            for value in JSON_VALUES:
                await self.ask(method, path, data=whole(rest | {name: value}), headers=headers)


def escaped(text: str) -> str:
    return text if "%" in text else quote(text, safe="")


def whole(members: dict[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(b'"%s":%s' % (k.encode(), v) for k, v in members.items())


@pytest.fixture
async def sweep(tmp_path: Path, store: str) -> AsyncIterator[Sweep]:
    settings = {"tick_interval_s": 60, "relay_brokers": [BROKER], "max_open_commands": 1_000}
    async with running_tracker(tmp_path, store=store, **settings) as tracker:
        now = time.time()
        vehicle = tracker.app[keys.REGISTRY].identify("356307042441013", "gt06", now)
        assert vehicle is not None
        positions = tracker.app[keys.INGEST].accept(vehicle, [Fix(now, 46.05, 14.5)], now)
        tracker.app[keys.JOURNAL].append(positions)
        await tracker.app[keys.TICKER].tick(now)
        asked = f"{tracker.url}/api/v1/vehicles/{vehicle.id}/commands"
        async with tracker.session.post(asked, json={"kind": "locate"}) as response:
            command = (await response.json())["id"]
        names = {"id": vehicle.id, "format": "csv", "block": str(int(now // 600) - 1)}
        yield Sweep(tracker, names | {"command": command})


async def test_nothing_that_is_asked_is_a_mistake_of_the_server(sweep: Sweep) -> None:
    wanted = set()
    for path, operations in DOCUMENT["paths"].items():
        shared = operations.get("parameters", [])
        # Both name what they are about by {id}.
        place = path.replace("/commands/{id}", "/commands/{command}")
        for method in METHODS:
            if method in operations:
                described = operations[method]
                every = [*shared, *described.get("parameters", [])]
                await sweep.operation(method, place, described | {"parameters": every})
                wanted.add((method, place))
            else:
                await sweep.ask(method, place)
    assert sweep.wrong == []
    assert wanted <= set(sweep.asked)
    assert sweep.statuses[400] > 1_000
    assert sweep.statuses[200] > 100
    assert sweep.statuses[500] == sweep.statuses[503] == 0
    tracker = sweep.tracker
    assert (await tracker.get("/api/v1/vehicles"))["total"] == 1
    await tracker.get(f"/api/v1/commands/{sweep.names['command']}")


KINDS = ("locate", "interval", "text", "reboot", "engine_cut", "engine_restore", "custom")


async def test_nor_are_parameters_of_commands(sweep: Sweep) -> None:
    path = "/api/v1/vehicles/{id}/commands"
    for kind in KINDS:
        right = {"kind": b'"%s"' % kind.encode(), "confirm": b'"356307042441013"'}
        for name in ("seconds", "text", "other"):
            for value in JSON_VALUES:
                parameters = {"parameters": b'{"%s":%s}' % (name.encode(), value)}
                await sweep.ask("post", path, data=whole(right | parameters))
    assert sweep.wrong == []
    assert sweep.statuses[422] > 100
    desk = sweep.tracker.app[keys.COMMANDS]
    await until(lambda: not len(desk.saver))  # each can be written, whatever is in it


@pytest.mark.parametrize(
    "head",
    [
        b"FOO /api/v1/vehicles HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/relay HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"POST /api/v1/relay HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_here_is_refused_before_it_is_a_request(
    tmp_path: Path, head: bytes
) -> None:
    async with running_tracker(tmp_path) as tracker:
        url = URL(tracker.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(head)
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()  # to the end: the connection is closed
        assert answer.split(b" ", 2)[1] == b"400"
        writer.close()
