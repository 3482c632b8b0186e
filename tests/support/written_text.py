"""Collect everything that a run writes outside its logs, as text to search: every column, document, message and
span."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from emulators.topics import topic_names
from shared import resources
from tests.support.stores import EMBEDDED

MARK = b"the end"


def columns() -> Iterator[tuple[str, str]]:
    """(table.column, all its values) of the database that os.environ names, for every table in it."""
    from google.cloud import spanner

    client = spanner.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"], disable_builtin_metrics=True)
    database = client.instance(os.environ["SPANNER_INSTANCE"]).database(os.environ["SPANNER_DATABASE"])
    named = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ''"
    with database.snapshot(multi_use=True) as snapshot:
        for table, column in list(snapshot.execute_sql(named)):
            values = snapshot.execute_sql(f"SELECT `{column}` FROM `{table}`")  # noqa: S608 - the schema's
            yield f"{table}.{column}", "\n".join(text(value) for (value,) in values)


def documents() -> Iterator[tuple[str, str]]:
    """(collection/document, its fields) of the Firestore database, or of this process's cache."""
    if EMBEDDED:
        entries: Any = resources.cache().entries  # type: ignore[attr-defined]
        for name, fields in entries.stored.items():
            yield f"c/{name}", f"{name} {text(fields)}"
        return
    from google.cloud import firestore

    client = firestore.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])
    for collection in client.collections():
        for document in collection.stream():
            yield f"{collection.id}/{document.id}", f"{document.id} {text(document.to_dict())}"


@dataclass
class Eavesdropper:
    """An additional subscription to every topic; `messages` returns all messages so far."""

    topics: dict[str, str] = field(default_factory=dict)  # by subscription

    @classmethod
    def listening(cls) -> Eavesdropper:
        from google.api_core.exceptions import AlreadyExists
        from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

        project, publisher, topics = os.environ["GOOGLE_CLOUD_PROJECT"], PublisherClient(), {}
        with SubscriberClient() as subscriber:
            for name in sorted(topic_names()):
                topic = publisher.topic_path(project, name)
                with suppress(AlreadyExists):
                    publisher.create_topic(name=topic)
                subscription = subscriber.subscription_path(project, f"overheard-{name}")
                subscriber.create_subscription(name=subscription, topic=topic)
                topics[subscription] = topic
        return cls(topics)

    def messages(self) -> Iterator[tuple[str, str]]:
        """The messages before a mark that it publishes now, because a pull from an empty subscription waits."""
        from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

        publisher = PublisherClient()
        with SubscriberClient() as subscriber:
            for name, topic in self.topics.items():
                publisher.publish(topic, MARK).result(30)
                data = b""
                while data != MARK:
                    received = subscriber.pull(
                        subscription=name, max_messages=1, timeout=30
                    ).received_messages
                    for one in received:
                        subscriber.acknowledge(subscription=name, ack_ids=[one.ack_id])
                        data = one.message.data
                        if data != MARK:
                            yield name, data.decode() + text(dict(one.message.attributes))


@dataclass
class Collector:
    """An OTLP endpoint that keeps its input unchanged: protobuf contains strings as plain text."""

    port: int
    bodies: list[tuple[str, bytes]]

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Collector]:
        bodies: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield cls(server.server_address[1], bodies)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def texts(self, path: str) -> list[str]:
        return [body.decode(errors="replace") for at, body in self.bodies if at == path]


def text(value: Any) -> str:
    """Return a value as searchable text: bytes as they are, in hex and in base64."""
    if isinstance(value, bytes):
        return " ".join((value.decode(errors="replace"), value.hex(), base64.b64encode(value).decode()))
    return value if isinstance(value, str) else json.dumps(value, default=_other)


def _other(value: Any) -> str:
    return text(value) if isinstance(value, bytes) else str(value)
