"""Readings from an MQTT broker, each acknowledged after it is committed.

Topics: ``samram/CITY/readings`` (plain JSON, one or a list), and ``application/+/device/+/event/up`` of ChirpStack for
the one city that the settings name. Nobody waits for a reply, so whatever is not believed is put aside: also what
belongs to a city that is not stored, under its name, or to none, under the empty name. Quality of service 1 with a
session that the broker keeps: what is not acknowledged, because the database was away or this process ended, comes
again after the next connection, and what was stored already is a duplicate then.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from service.ingest import lorawan, plain
from service.ingest.body import json_of
from service.ingest.report import OLDEST_LIVE_US, Aside, Item, Refused
from service.ingest.store import MOST_RAW, NO_CITY, Batch, Outcome
from service.ingest.writer import Writer, now_us
from service.problems import Overloaded

if TYPE_CHECKING:
    from concurrent.futures import Future

    from service.settings import Settings

PLAIN_TOPIC: Final = "samram/+/readings"
CHIRPSTACK_TOPIC: Final = "application/+/device/+/event/up"
CLIENT_ID: Final = "samram"
SESSION_KEPT_S: Final = 7 * 86_400
"""The broker keeps what comes while we are away. Our own figure: longer than any repair."""
MOST_UNACKNOWLEDGED: Final = 1_000
WAIT_S: Final = 0.05
AWAY_S: Final = 2.0
"""Before the broker is asked again for what could not be written. Our own figure."""
_CITY: Final = re.compile(r"samram/([a-z0-9][a-z0-9-]{0,79})/readings")

_log = logging.getLogger(__name__)


class MqttIngest:
    """Listens to a broker from a thread of its own, and comes back whenever the connection is lost."""

    def __init__(self, settings: Settings, writer: Writer, *, client_id: str = CLIENT_ID) -> None:
        self._settings = settings
        self._writer = writer
        self._most_items = min(settings.max_batch_readings, settings.max_waiting_readings)
        self._stopping = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True
        )
        if settings.mqtt_username:
            self._client.username_pw_set(settings.mqtt_username, settings.mqtt_password.get_secret_value())
        if settings.mqtt_tls:
            self._client.tls_set()
        self._client.reconnect_delay_set(min_delay=1, max_delay=30)
        self._client.suppress_exceptions = True  # one in a callback would end the client's thread
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self.connected = threading.Event()

    def start(self) -> None:
        """Connect in the background; a broker that is away is asked again until it answers."""
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        wanted.SessionExpiryInterval = SESSION_KEPT_S
        wanted.ReceiveMaximum = MOST_UNACKNOWLEDGED
        self._client.connect_async(
            self._settings.mqtt_host, self._settings.mqtt_port, keepalive=30, clean_start=False, properties=wanted
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what is not acknowledged yet comes again."""
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.error("The MQTT broker refuses the connection: %s", reason)
            return
        topics = [(PLAIN_TOPIC, 1)] + ([(CHIRPSTACK_TOPIC, 1)] if self._settings.mqtt_city else [])
        client.subscribe(topics)
        self.connected.set()

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        city_id, items = read_message(message.topic, bytes(message.payload), chirpstack_city=self._settings.mqtt_city)
        parts = [items[start : start + self._most_items] for start in range(0, len(items), self._most_items)]
        left = len(parts)

        def written(done: Future[list[Outcome]]) -> None:
            nonlocal left  # the writer's thread alone counts
            error = done.exception()
            if error is not None:
                # A broker sends again what is not acknowledged only when it is connected to anew.
                _log.error("A message could not be written and is asked for again: %s", error)
                threading.Timer(AWAY_S, self._ask_again).start()
                return
            left -= 1
            if left == 0:
                client.ack(message.mid, message.qos)

        if not parts:  # an empty list says nothing
            client.ack(message.mid, message.qos)
        received_us = now_us()
        for part in parts:
            future = self._submit(
                Batch(
                    city_id=city_id,
                    source="mqtt",
                    items=part,
                    received_us=received_us,
                    oldest_us=received_us - OLDEST_LIVE_US,
                    answered=False,
                )
            )
            if future is not None:
                future.add_done_callback(written)

    def _submit(self, batch: Batch) -> Future[list[Outcome]] | None:
        """Queue a batch; while the queue is full the broker waits, because nothing more is read from it."""
        while not self._stopping.is_set():
            try:
                return self._writer.submit(batch)
            except Overloaded:
                self._stopping.wait(WAIT_S)
        return None

    def _ask_again(self) -> None:
        taken = self._client.socket()
        if isinstance(taken, socket.socket) and not self._stopping.is_set():
            with contextlib.suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)  # the client's own thread sees it and connects anew


def read_message(topic: str, payload: bytes, *, chirpstack_city: str) -> tuple[str, list[Item]]:
    """Return the city of a message, empty if it is nobody's, and what it says.

    What cannot be read is put aside as it came.
    """
    named = _CITY.fullmatch(topic)
    of_nobody = NO_CITY if topic.startswith("samram/") else chirpstack_city
    city_id = named[1] if named else of_nobody
    text = payload[:MOST_RAW].decode("utf-8", "backslashreplace")
    if not city_id:
        detail = f"The topic {topic[:200]!a} names no city; samram/CITY/readings is expected."
        return NO_CITY, [Aside(raw={"topic": topic, "payload": text}, reason="unknown-topic", detail=detail)]
    try:
        raw = json_of(payload)
    except Refused as error:
        return city_id, [Aside(raw=text, reason=error.reason, detail=error.detail)]
    items = plain.reports(raw, city_id=city_id) if named else lorawan.chirpstack(raw)
    return city_id, [_kept(item) for item in items]


def _kept(item: Item) -> Item:
    if isinstance(item, Aside) and item.refused:
        return Aside(raw=item.raw, reason=item.reason, detail=item.detail)
    return item
