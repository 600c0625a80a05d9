"""One connection to a broker, made again whenever it is lost.

Paho's client on the event loop. One lives as long as the link, so that what was published and not
confirmed is published again, with DUP and its old packet id, as soon as the broker is back (MQTT
5.0 section 4.4). docs/decisions/0005-paho-on-the-loop.md has the figures and the reasons why it is
not aiomqtt that does this.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tracker.brokers import Broker
from tracker.mqtt.loopsocket import LoopSocket
from tracker.mqtt.tls import TlsContext

KEEPALIVE_S = 30
CONNECT_S = 10.0  # for the TCP connection, the TLS handshake and the broker's first word
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.25, 5.0  # the doubling bound of a random pause
STEADY_S = 5.0  # a connection that lasted so long was one; the next pause begins small again
LOOK_S = 1.0  # between two looks at whether the broker still answers
GOODBYE_S = 1.0  # that a DISCONNECT has to leave
RECEIVE_MOST = 65_535  # of packets in flight where nobody says less (MQTT 5.0 section 3.1.2.11.3)

_log = structlog.get_logger(__name__)


def _nothing(*_: Any) -> None:
    """What nobody asked to be told."""


def _in_words(reason: ReasonCode) -> str:
    """Why a connection ended, in words; paho has none of its own for an end without a word."""
    unspecified = reason.value == ReasonCode(PacketTypes.DISCONNECT, "Unspecified error").value
    return "the connection was lost" if unspecified else str(reason)


class LinkError(Exception):
    """A try to connect came to nothing; the message says why."""


class Link:
    """A broker, connected or being connected to. All callbacks come on the event loop."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        session_s: int,
        receive_maximum: int = RECEIVE_MOST,
        largest_packet: int | None = None,
    ) -> None:
        self.broker = broker
        self.connected = False
        self.reason = "not connected yet"  # why it is not connected
        self.stats: Counter[str] = Counter()  # connects, losses, failures
        self.generation = 0  # of the connection; packet ids of another mean nothing
        self.receive_maximum = RECEIVE_MOST  # packets that the broker takes unconfirmed
        self.largest_packet: int | None = None  # that the broker takes, bytes; None: any
        self.on_up: Callable[[], None] = _nothing  # before unconfirmed messages go out again
        self.on_ready: Callable[[], None] = _nothing  # behind them
        self.on_down: Callable[[], None] = _nothing
        self.on_confirmed: Callable[[int, str | None], None] = _nothing  # packet id, refusal
        self.on_message: Callable[[MQTTMessage], None] = _nothing
        self._session_s = session_s
        self._receive = receive_maximum
        self._accepts = largest_packet
        self._loop: asyncio.AbstractEventLoop
        self._answer: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._subscriptions: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._tls: TlsContext | None = None
        self._v5 = broker.version == "5"
        self._client = self._make_client(client_id)
        self._socket = LoopSocket(self._client, broker.name)

    def _make_client(self, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5 if self._v5 else MQTTv311,
            clean_session=None if self._v5 else False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(0)  # whoever publishes counts; what comes here goes out
        client.connect_timeout = CONNECT_S
        if self.broker.username:
            password = self.broker.password
            client.username_pw_set(
                self.broker.username, password.get_secret_value() if password else None
            )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def start(self) -> None:
        """Begin to connect."""
        self._loop = asyncio.get_running_loop()
        self._socket.start()
        self._task = asyncio.create_task(self._run(), name=f"mqtt {self.broker.name}")

    async def close(self) -> None:
        """Say goodbye and stop. The broker keeps the session for its time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self.connected:
            self._client.disconnect()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._lost.wait()
        self._socket.drop()

    @property
    def state(self) -> str:
        """For people: `ok`, or why not."""
        return "ok" if self.connected else f"away: {self.reason}"

    # -- what can be said --------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, keep_s: float | None = None) -> int | None:
        """Publish at QoS 1; the packet id, or None when it was not taken.

        `keep_s`: how long the broker is to keep it for who is away; by 3.1.1 nobody can say so.
        """
        properties = None
        if keep_s is not None and self._v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, round(keep_s))
        info = self._client.publish(topic, payload, qos=1, properties=properties)
        return None if info.rc is MQTTErrorCode.MQTT_ERR_QUEUE_SIZE else info.mid

    def forget(self) -> None:
        """Publish nothing again of what is unconfirmed. For `on_up` alone."""
        self._client.drop_out_messages()

    def acknowledge(self, packet_id: int, qos: int, generation: int) -> bool:
        """Tell the broker that a message is ours now; False: it came on another connection, and
        the broker sends it again.
        """
        if generation != self.generation or not self.connected:
            return False
        if qos:
            self._client.ack(packet_id, qos)
        return True

    async def subscribe(self, topics: list[str]) -> None:
        """Subscribe at QoS 1. Raises LinkError when the broker refuses one of the topics.

        Where the session knew them already, no retained messages come again (MQTT 5).
        """
        if self._v5:
            options = SubscribeOptions(
                qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
            )
            code, mid = self._client.subscribe([(topic, options) for topic in topics])
        else:
            code, mid = self._client.subscribe([(topic, 1) for topic in topics])
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkError("cannot subscribe: the connection is gone")
        answer = self._subscriptions[mid] = self._loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_S):
                reasons = await answer
        except TimeoutError:
            raise LinkError("the broker does not answer a subscription") from None
        finally:
            self._subscriptions.pop(mid, None)
        for topic, reason in zip(topics, reasons, strict=False):
            if reason.is_failure:
                raise LinkError(f"the broker refuses {topic}: {reason}")

    def lose(self, reason: str) -> None:
        """End this connection; another one is made after a pause."""
        self.reason = reason
        self._socket.drop()

    def hold(self) -> None:
        """Do not read from the broker: TCP holds what it has to say."""
        self._socket.hold()

    def unhold(self) -> None:
        """Read again."""
        self._socket.unhold()

    # -- connecting --------------------------------------------------------------------------------

    async def _run(self) -> None:
        bound = BACKOFF_FIRST_S
        while True:
            try:
                await self._connect()
                begun = self._loop.time()
                await self._stay()
            except LinkError as exc:
                self.stats["failures"] += 1
                if bound == BACKOFF_FIRST_S:
                    _log.warning("mqtt.away", broker=self.broker.name, reason=str(exc))
                self.reason = str(exc)
            except Exception:  # noqa: BLE001 - a link that gives up would say so to nobody
                self.stats["failures"] += 1
                self.reason = "a fault of ours: the log says more"
                _log.exception("mqtt.failed", broker=self.broker.name)
                self._socket.drop()
            else:
                if self._loop.time() - begun >= STEADY_S:
                    bound = BACKOFF_FIRST_S
            await asyncio.sleep(random.uniform(0.0, bound))  # noqa: S311 - a pause, no secret
            bound = min(2 * bound, BACKOFF_MOST_S)

    async def _connect(self) -> None:
        """One try. Raises LinkError."""
        if self._socket.busy:
            raise LinkError("the last try has not come to its end")
        self._lost.clear()
        answer = self._answer = self._loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._socket.in_thread(self._open)
                await answer
        except TimeoutError:
            raise LinkError("no answer in time") from None
        except (OSError, ValueError) as exc:
            if self._tls is not None:
                self._tls.close()
            raise LinkError(getattr(exc, "strerror", None) or str(exc)) from None
        finally:
            self._answer = None
            if not self.connected:
                answer.cancel()
                self._socket.drop()

    def _open(self) -> None:
        """In a thread of its own: names are looked up, TLS shakes hands."""
        tls, host, port = self.broker.address
        if tls and self._tls is None:
            self._tls = TlsContext(self.broker)
            self._client.tls_set_context(self._tls)
        if not self._v5:
            self._client.connect(host, port, KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._receive
        if self._accepts is not None:
            properties.MaximumPacketSize = self._accepts
        self._client.connect(host, port, KEEPALIVE_S, clean_start=False, properties=properties)

    async def _stay(self) -> None:
        """Until the connection is lost."""
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._lost.wait()
            self._client.loop_misc()  # PINGREQ, and the end of a broker that does not answer it

    # -- paho's callbacks --------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, said: object
    ) -> None:
        answer = self._answer
        if answer is None or answer.done():
            return
        if reason.is_failure:
            answer.set_exception(ValueError(f"refused: {reason}"))
            return
        self.receive_maximum = getattr(said, "ReceiveMaximum", RECEIVE_MOST)
        self.largest_packet = getattr(said, "MaximumPacketSize", None)
        self.generation += 1
        self.stats["connects"] += 1
        self.connected, self.reason = True, ""
        answer.set_result(None)
        _log.info("mqtt.connected", broker=self.broker.name)
        self.on_up()
        self._loop.call_soon(self._ready, self.generation)

    def _ready(self, generation: int) -> None:
        if self.connected and generation == self.generation:
            self.on_ready()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, _said: object
    ) -> None:
        self._lost.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ValueError(_in_words(reason)))
        if not self.connected:
            return
        self.connected = False
        self.reason = self.reason or _in_words(reason)
        self.stats["losses"] += 1
        _log.warning("mqtt.lost", broker=self.broker.name, reason=self.reason)
        self.on_down()

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _said: object
    ) -> None:
        self.on_confirmed(mid, str(reason) if reason.is_failure else None)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.on_message(message)

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _said: object
    ) -> None:
        answer = self._subscriptions.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reasons)
