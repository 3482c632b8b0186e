"""Check that a service is ready by one real RPC, because a port that accepts connections proves nothing.

The requests are encoded by hand (each has one string field, number 1), because importing four Google clients for four
calls would take longer than starting the emulators.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

PROJECT = "local-project"
# The emulators accept this as an administrator, whom Firestore's rules allow to list collections.
_OWNER = (("authorization", "Bearer owner"),)
Probe = Callable[[str, float], None]


class NotReady(Exception):
    """The service did not answer as expected. The text says how it failed."""


def spanner(address: str, timeout: float) -> None:
    """List the emulator's instances. Raises NotReady."""
    _call(
        address,
        "google.spanner.admin.instance.v1.InstanceAdmin/ListInstances",
        f"projects/{PROJECT}",
        timeout,
    )


def pubsub(address: str, timeout: float) -> None:
    """List the emulator's topics. Raises NotReady."""
    _call(address, "google.pubsub.v1.Publisher/ListTopics", f"projects/{PROJECT}", timeout)


def firestore(address: str, timeout: float) -> None:
    """List the emulator's collections. Raises NotReady."""
    parent = f"projects/{PROJECT}/databases/(default)/documents"
    _call(address, "google.firestore.v1.Firestore/ListCollectionIds", parent, timeout)


def node(url: str, timeout: float) -> None:
    """Ask an EVM node, or each of several nodes separated by commas, for its chain id. Raises NotReady."""
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    for one in url.split(","):
        request = urllib.request.Request(one.strip(), question, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                int(json.load(response)["result"], 16)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotReady(f"eth_chainId: {error}") from None


def _call(address: str, method: str, argument: str, timeout: float) -> None:
    import grpc

    request = b"\x0a" + bytes([len(argument)]) + argument.encode()
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask = channel.unary_unary(f"/{method}", request_serializer=None, response_deserializer=None)
        try:
            ask(request, timeout=timeout, metadata=_OWNER)
        except grpc.RpcError as error:
            raise NotReady(f"{method}: {error.code().name}") from None
