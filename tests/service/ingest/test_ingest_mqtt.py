"""Readings from a real broker: acknowledged after the commit, and asked for again when they were not."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ingest_city import City, free_port
from sqlalchemy import func, select

from service.ingest.report import Aside, Report, moment_of
from service.ingest.store import QUARANTINE, READING
from service.ingest.writer import Writer, now_us
from service.problems import DatabaseAway
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

paho = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra mqtt)")


class Broker:
    """Mosquitto on a free port of this machine, which can be stopped and started again."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        self._command = [binary, "-c", str(folder / "mosquitto.conf")]
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {folder}/\nlog_dest none\n",
            "utf-8",
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sender = paho.Client(paho.CallbackAPIVersion.VERSION2)
        until(lambda: _answers(sender, self.port))

    def stop(self) -> None:
        """End it in order; it keeps its sessions in a file."""
        self._process.terminate()
        self._process.wait(timeout=30)

    def publish(self, *messages: tuple[str, Any]) -> None:
        """Publish with quality of service 1 and wait for the broker to have them."""
        sender = paho.Client(paho.CallbackAPIVersion.VERSION2)
        sender.connect("127.0.0.1", self.port)
        sender.loop_start()
        for topic, body in messages:
            payload = body if isinstance(body, bytes) else json.dumps(body)
            sender.publish(topic, payload, qos=1).wait_for_publish(timeout=30)
        sender.disconnect()
        sender.loop_stop()


def _answers(sender: Any, port: int) -> bool:
    try:
        sender.connect("127.0.0.1", port)
    except OSError:
        return False
    sender.disconnect()
    return True


def until(reached: Callable[[], bool]) -> None:
    """Wait for a state, and fail if it is not reached in a minute."""
    for _ in range(1_200):
        if reached():
            return
        time.sleep(0.05)
    pytest.fail("What was waited for did not come.")


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Start Mosquitto, or skip where it is not installed."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("Mosquitto is not installed (package mosquitto)")
    with tempfile.TemporaryDirectory(prefix="samram-mqtt-") as folder:
        running = Broker(binary, Path(folder))
        running.start()
        yield running
        running.stop()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Keep to SQLite: what the broker sees of a database is the writer alone."""
    return f"sqlite:///{tmp_path / 'test.sqlite'}"


@pytest.fixture
def writer(city: City) -> Iterator[Writer]:
    """Run the writer."""
    found = Writer(city.engine, city.places, most_waiting=1_000)
    found.start()
    yield found
    found.stop()


def listener(broker: Broker, city: City, writer: Writer, tmp_path: Path, **more: Any) -> Any:
    """Listen to the broker."""
    from service.ingest.mqtt import MqttIngest

    settings = Settings(home=tmp_path, mqtt_host="127.0.0.1", mqtt_port=broker.port, mqtt_city=city.id, **more)
    found = MqttIngest(settings, writer)
    found.start()
    assert found.connected.wait(60)
    return found


def count(city: City, table: Any = READING) -> int:
    """Return how many rows a table holds."""
    with city.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def reading(city: City, seconds_ago: int) -> dict[str, Any]:
    """Return a plain reading."""
    time = moment_of(now_us() - seconds_ago * 1_000_000).isoformat()
    return {"container": city.containers[0], "time": time, "fill": 0.4}


def test_messages_of_all_topics_are_stored(broker: Broker, city: City, writer: Writer, tmp_path: Path) -> None:
    """Plain readings, one or a list, are stored; what is not believed, no JSON included, is put aside."""
    client = listener(broker, city, writer, tmp_path)
    topic = f"samram/{city.id}/readings"
    uplink = {"time": moment_of(now_us()).isoformat(), "deviceInfo": {"devEui": "0011"}, "object": {"fill": 0.4}}
    broker.publish(
        (topic, reading(city, 1)),
        (topic, [reading(city, 2), reading(city, 3)]),
        (topic, b"\xff{"),
        ("application/1/device/0011/event/up", uplink),
    )
    until(lambda: (count(city), count(city, QUARANTINE)) == (3, 2))
    client.stop()


def test_what_came_while_nobody_listened_is_stored_later(
    broker: Broker, city: City, writer: Writer, tmp_path: Path
) -> None:
    """The broker keeps what comes while the listener, and then the broker itself, are away."""
    listener(broker, city, writer, tmp_path).stop()
    broker.publish((f"samram/{city.id}/readings", reading(city, 1)))
    broker.stop()
    broker.start()
    client = listener(broker, city, writer, tmp_path)
    until(lambda: count(city) == 1)
    client.stop()


def test_message_is_asked_for_again_when_the_database_was_away(
    broker: Broker, city: City, writer: Writer, tmp_path: Path
) -> None:
    """A message that could not be written is not acknowledged, and is stored once the database is back."""
    client = listener(broker, city, writer, tmp_path)
    submit, failures = writer.submit, []

    def away(batch: Any) -> Any:
        if len(failures) == 2:
            return submit(batch)
        failures.append(batch)
        future: Future[Any] = Future()
        future.set_exception(DatabaseAway("The database does not answer."))
        return future

    writer.submit = away  # type: ignore[method-assign]
    broker.publish((f"samram/{city.id}/readings", reading(city, 1)))
    until(lambda: count(city) == 1)
    assert len(failures) == 2
    client.stop()


def test_message_of_no_city_is_put_aside(broker: Broker, city: City, writer: Writer, tmp_path: Path) -> None:
    """What is sent to a city that is not stored, or to none, is kept aside under its name before it is acknowledged."""
    client = listener(broker, city, writer, tmp_path)
    broker.publish(
        ("samram/elsewhere/readings", [reading(city, 1), {"fill": 7}]),
        ("samram/elsewhere/readings", b"{"),
        ("samram/Bad City/readings", b"\xff"),
    )
    until(lambda: count(city, QUARANTINE) == 4)
    with city.engine.connect() as connection:
        found = connection.execute(select(QUARANTINE.c.city_id, QUARANTINE.c.reason)).all()
    assert sorted(tuple(row) for row in found) == [
        ("", "unknown-topic"),
        ("elsewhere", "nobody"),
        ("elsewhere", "not-json"),
        ("elsewhere", "unknown-city"),
    ]
    assert count(city) == 0
    client.stop()


def test_long_message_is_stored_in_parts(broker: Broker, city: City, writer: Writer, tmp_path: Path) -> None:
    """A message with more readings than are written at once is stored whole, and acknowledged once."""
    client = listener(broker, city, writer, tmp_path, max_batch_readings=3)
    broker.publish((f"samram/{city.id}/readings", [reading(city, second) for second in range(10)]))
    until(lambda: count(city) == 10)
    client.stop()
    broker.publish((f"samram/{city.id}/readings", reading(city, 11)))
    client = listener(broker, city, writer, tmp_path)
    until(lambda: count(city) == 11)
    client.stop()


def test_message_names_its_city_by_its_topic() -> None:
    """A plain topic names the city; ChirpStack's belong to the city of the settings, or to nobody."""
    from service.ingest.mqtt import read_message

    up = "application/1/device/0011/event/up"
    assert read_message("samram/Bad City/readings", b"{}", chirpstack_city="")[0] == ""
    assert read_message(up, b"{}", chirpstack_city="")[0] == ""
    city_id, [item] = read_message(up, b"{}", chirpstack_city="a")
    assert (city_id, type(item), item.refused) == ("a", Aside, False)  # type: ignore[union-attr]
    body = b'{"container": "C1", "time": "2026-11-22T00:00:00Z", "fill": 0.4}'
    city_id, [item] = read_message("samram/siem-reap/readings", body, chirpstack_city="")
    assert (city_id, type(item)) == ("siem-reap", Report)
