"""Receive webhooks on this machine: verify each one, print it, and ignore repetitions. Ctrl-C ends it.

    WALLET_URL=http://127.0.0.1:8080 python examples/clients/webhooks.py

With WALLET_API_KEY (scopes webhook:write and event:read) it receives the events of the key's owner; without one it
signs up a new user. It asks for a test event at the start. A deployed product delivers to public https addresses only.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from web3_wallet_client import WalletClient, WebhookError, webhooks


class Receiver(ThreadingHTTPServer):
    """The server, with the endpoint's secret and the events that it has handled."""

    daemon_threads = False  # what has arrived is handled to its end
    secrets: list[str]  # empty until the endpoint exists; a delivery before that is refused, and comes again
    seen: set[str]  # the ids of handled events; a real receiver stores these for some days


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhooks.verify(body, dict(self.headers), self.server.secrets)
        except WebhookError as error:
            print("refused:", error, flush=True)
            return self.answer(400)
        if event.id not in self.server.seen:
            self.server.seen.add(event.id)
            print(event.type, event.subject, flush=True)
        return self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print events only."""


def main() -> None:
    with Receiver(("127.0.0.1", 0), Handler) as server, WalletClient() as client:
        if not os.environ.get("WALLET_API_KEY"):
            client.sign_up(f"hooks-{uuid.uuid4().hex[:12]}@example.com", "correct horse battery staple")
        server.secrets, server.seen = [], set()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hooks"
        endpoint = client.webhooks.create(url=url, event_types=["*"])
        server.secrets.append(endpoint.secret or "")  # shown only in this answer
        try:
            print(f"receiving at {url}; Ctrl-C ends", flush=True)
            client.webhooks.test(endpoint.id)
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            pass
        finally:
            client.webhooks.delete(endpoint.id)
            server.shutdown()
    print("stopped")


if __name__ == "__main__":
    main()
