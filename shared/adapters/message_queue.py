"""A durable queue in a SQLite file in place of Pub/Sub, for local runs: topics, subscriptions, attempts, dead letters.

Each message has one delivery for every subscription whose filter it passes. The delivery is deleted when the subscriber
has acknowledged it. One process at a time pushes (`emulators/deliverer.py`); a file lock, which ends with the process,
is its only lease. So the deliveries of a killed process are due again at once, and no attempt is counted for them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from shared.runtime.cloud_event import attributes as attributes_of
from shared.runtime.sqlite_file import Durability, SqliteFile
from shared.runtime.subscription_filter import TYPE_ATTRIBUTE

MAX_BYTES: Final = 10_000_000  # the limits of Pub/Sub
MAX_ATTRIBUTE_BYTES: Final = 1_024
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS queue_topics (name TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS queue_subscriptions (
  name TEXT PRIMARY KEY, topic TEXT NOT NULL, endpoint TEXT NOT NULL, types TEXT NOT NULL,
  dead_letter_topic TEXT, attempts INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS queue_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL, attributes TEXT NOT NULL,
  published_at REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS queue_deliveries (
  message INTEGER NOT NULL, subscription TEXT NOT NULL, failed INTEGER NOT NULL, due_at REAL NOT NULL,
  PRIMARY KEY (message, subscription)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS queue_due ON queue_deliveries (due_at)",
)
_DUE: Final = """SELECT d.message, d.subscription, d.failed, m.data, m.attributes, m.published_at, m.topic,
  s.endpoint, s.dead_letter_topic, s.attempts
  FROM queue_deliveries d JOIN queue_messages m ON m.id = d.message
  JOIN queue_subscriptions s ON s.name = d.subscription
  WHERE d.due_at <= ? ORDER BY d.due_at LIMIT ?"""


class UnknownTopic(LookupError):
    """The topic does not exist."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A push subscription. `types` are the CloudEvents that it receives; empty means all.

    After `attempts` failures a message goes to the dead-letter topic."""

    name: str
    topic: str
    endpoint: str
    types: tuple[str, ...] = ()
    dead_letter_topic: str | None = None
    attempts: int = 5


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to push to a subscription; `failed` is the number of failed attempts so far."""

    message: int
    subscription: str
    failed: int
    data: bytes
    attributes: Mapping[str, str]
    published_at: float
    topic: str
    endpoint: str
    dead_letter_topic: str | None
    attempts: int

    @property
    def place(self) -> tuple[int, str]:
        return self.message, self.subscription


class MessageQueue:
    """The queue in a file; safe for threads and processes. `pause` is the wait after a first failure, in seconds.

    It doubles with each failure, up to `longest` seconds."""

    def __init__(
        self, path: Path, *, pause: float = 1.0, longest: float = 10.0, durability: Durability = "NORMAL"
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = SqliteFile(path, durability=durability)
        self._pause, self._longest = pause, longest
        with self.file.writing() as connection:
            for statement in _TABLES:
                connection.execute(statement)

    def provision(self, topics: Iterable[str], subscriptions: Sequence[Subscription]) -> None:
        """Create missing topics and subscriptions, and update the endpoints and rules of existing subscriptions."""
        with self.file.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO queue_topics VALUES (?)", [(name,) for name in topics]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO queue_subscriptions VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (s.name, s.topic, s.endpoint, json.dumps(s.types), s.dead_letter_topic, s.attempts)
                    for s in subscriptions
                ],
            )

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish a message and return its id.

        Raises UnknownTopic, and ValueError for a message that Pub/Sub would always refuse."""
        if len(data) > MAX_BYTES or any(len(v.encode()) > MAX_ATTRIBUTE_BYTES for v in attributes.values()):
            raise ValueError("the message is too large")
        if len(topic) < 3:
            raise ValueError("no topic may have so short a name")
        with self.file.writing() as connection:
            if not connection.execute("SELECT 1 FROM queue_topics WHERE name = ?", (topic,)).fetchone():
                names = [
                    name for (name,) in connection.execute("SELECT name FROM queue_topics ORDER BY name")
                ]
                raise UnknownTopic(f"there is no topic {topic}; there are {', '.join(names) or 'none'}")
            return str(_put(connection, topic, data, attributes))

    def due(self, now: float, limit: int) -> list[Delivery]:
        """The deliveries to push now, the longest due first."""
        with self.file.reading() as connection:
            rows = connection.execute(_DUE, (now, limit)).fetchall()
        return [Delivery(row[0], row[1], row[2], row[3], json.loads(row[4]), *row[5:]) for row in rows]

    def taken(self, delivery: Delivery) -> None:
        """Delete a delivery that the subscriber has acknowledged."""
        with self.file.writing() as connection:
            _remove(connection, delivery)

    def failed(self, delivery: Delivery, now: float) -> None:
        """Count a failed attempt: push again later, or move the message to the dead-letter topic."""
        failures = delivery.failed + 1
        with self.file.writing() as connection:
            if delivery.dead_letter_topic and failures >= delivery.attempts:
                more = _dead_letter(delivery, failures)
                _put(connection, delivery.dead_letter_topic, delivery.data, {**delivery.attributes, **more})
                _remove(connection, delivery)
                return
            pause = min(self._longest, self._pause * 2 ** min(delivery.failed, 30))
            connection.execute(
                "UPDATE queue_deliveries SET failed = ?, due_at = ? WHERE message = ? AND subscription = ?",
                (failures, now + pause, *delivery.place),
            )

    def waiting(self) -> int:
        """The number of deliveries that are not acknowledged yet."""
        with self.file.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM queue_deliveries").fetchone()[0])


def _put(connection: sqlite3.Connection, topic: str, data: bytes, attributes: Mapping[str, str]) -> int:
    """Insert the message with a delivery for every matching subscription; drop it if none matches."""
    found = connection.execute("SELECT name, types FROM queue_subscriptions WHERE topic = ?", (topic,))
    wanting = [
        name
        for name, types in found
        if attributes.get(TYPE_ATTRIBUTE) in (known := json.loads(types)) or not known
    ]
    now = time.time()
    identity = connection.execute(
        "INSERT INTO queue_messages (topic, data, attributes, published_at) VALUES (?, ?, ?, ?)",
        (topic, data, json.dumps(dict(attributes)), now),
    ).lastrowid
    assert identity is not None
    connection.executemany(
        "INSERT INTO queue_deliveries VALUES (?, ?, 0, ?)", [(identity, name, now) for name in wanting]
    )
    if not wanting:
        connection.execute("DELETE FROM queue_messages WHERE id = ?", (identity,))
    return identity


def _remove(connection: sqlite3.Connection, delivery: Delivery) -> None:
    connection.execute("DELETE FROM queue_deliveries WHERE message = ? AND subscription = ?", delivery.place)
    connection.execute(
        "DELETE FROM queue_messages WHERE id = :message"
        " AND NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = :message)",
        {"message": delivery.message},
    )


def _dead_letter(delivery: Delivery, failures: int) -> dict[str, str]:
    """The attributes that Pub/Sub adds to a dead letter."""
    return {
        "CloudPubSubDeadLetterSourceSubscription": delivery.subscription,
        "CloudPubSubDeadLetterSourceDeliveryCount": str(failures),
        "CloudPubSubDeadLetterSourceTopicPublishTime": datetime.fromtimestamp(
            delivery.published_at, UTC
        ).isoformat(),
    }


class QueuePublisher:
    """A `shared.adapters.pubsub.Publisher` that publishes to the queue."""

    def __init__(self, queue: MessageQueue) -> None:
        self.queue = queue

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        future: Future[str] = Future()
        try:
            data = json.dumps(envelope, separators=(",", ":")).encode()
            future.set_result(self.queue.publish(topic, data, attributes_of(envelope)))
        except Exception as error:  # like the Pub/Sub client, report it through the future
            future.set_exception(error)
        return future

    def check(self) -> None:
        self.queue.waiting()
