"""Typed client of the Web3 Wallet Backend.

from web3_wallet_client import WalletClient

with WalletClient("https://wallet.example.com", api_key="…") as wallet:
    order = wallet.orders.place(currency="ETH", items=[…])
"""

from web3_wallet_client import codes, errors, events, models, webhooks
from web3_wallet_client._version import VERSION as __version__
from web3_wallet_client.calls import Retries
from web3_wallet_client.client import AsyncWalletClient, WalletClient
from web3_wallet_client.errors import (
    ApiError,
    EndedOtherwise,
    NoAnswer,
    UnreadableAnswer,
    WaitTimeout,
    WalletError,
    WebhookError,
)
from web3_wallet_client.events import Event

__all__ = [
    "ApiError",
    "AsyncWalletClient",
    "EndedOtherwise",
    "Event",
    "NoAnswer",
    "Retries",
    "UnreadableAnswer",
    "WaitTimeout",
    "WalletClient",
    "WalletError",
    "WebhookError",
    "__version__",
    "codes",
    "errors",
    "events",
    "models",
    "webhooks",
]
