"""The two clients, with everything beyond the generated operations: signing in and out, waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx

from web3_wallet_client.calls import Retries
from web3_wallet_client.models import Tokens, User
from web3_wallet_client.resources import AsyncResources, Resources
from web3_wallet_client.tokens import Credentials
from web3_wallet_client.transport import API, AsyncTransport, Config, Transport
from web3_wallet_client.waiting import AsyncWaits, Waits

URL, API_KEY = "WALLET_URL", "WALLET_API_KEY"  # pragma: allowlist secret - variables' names


def _config(
    base_url: str | None,
    api_key: str | None,
    token: str | None,
    refresh_token: str | None,
    on_tokens: Callable[[Tokens], None] | None,
    timeout: float,
    retries: Retries | None,
) -> Config:
    url = base_url or os.environ.get(URL)
    if not url:
        raise ValueError(f'where is the API? WalletClient("https://…"), or the variable {URL}')
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the API's address begins with https:// or http://: {url}")
    key = api_key or (None if token else os.environ.get(API_KEY))
    credentials = Credentials(key, token, refresh_token, on_tokens)
    return Config(url.rstrip("/").removesuffix(API), credentials, retries or Retries(), timeout)


class WalletClient(Resources):
    """The API for synchronous code; threads may share the client. Use it with `with`, or `close()` it.

    base_url: the product's address, such as https://wallet.example.com (default: the variable WALLET_URL)
    api_key: the key of a program (default: the variable WALLET_API_KEY, unless there is a token)
    token, refresh_token: the tokens of a user, as returned by `sign_in`; they are renewed automatically
    on_tokens: called with each new pair, so that you can store it
    timeout: seconds for a whole call, with its repetitions; each call may have its own
    retries: the number of attempts and their pauses; Retries(attempts=1) repeats nothing
    http: your own httpx.Client, for proxies, certificates, hooks
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        token: str | None = None,
        refresh_token: str | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        config = _config(base_url, api_key, token, refresh_token, on_tokens, timeout, retries)
        self._transport = Transport(config, http)
        self._closes = http is None
        super().__init__(self._transport)
        self.wait = Waits(self)

    @property
    def credentials(self) -> Credentials:
        """The current credentials."""
        return self._transport.config.credentials

    def sign_up(self, email: str, password: str) -> User:
        """Register and sign in."""
        user = self.auth.register(email=email, password=password)
        self.sign_in(email, password)
        return user

    def sign_in(self, email: str, password: str, **second_factor: Any) -> Tokens:
        """Sign in, and make later calls as this user; pass `otp` or `passkey` if a second factor is required."""
        tokens = self.auth.login(email=email, password=password, **second_factor)
        self.credentials.replace(tokens)
        return tokens

    def sign_out(self) -> None:
        """End the sign-in on the server, and remove the tokens here."""
        self.auth.logout()
        self.credentials.forget()

    def close(self) -> None:
        """Close the connections, except those of a given `http`."""
        if self._closes:
            self._transport.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncWalletClient(AsyncResources):
    """The API for asyncio code; tasks may share the client. Use it with `async with`, or `await close()` it.

    The arguments are those of WalletClient; `http` is an httpx.AsyncClient.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        token: str | None = None,
        refresh_token: str | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        config = _config(base_url, api_key, token, refresh_token, on_tokens, timeout, retries)
        self._transport = AsyncTransport(config, http)
        self._closes = http is None
        super().__init__(self._transport)
        self.wait = AsyncWaits(self)

    @property
    def credentials(self) -> Credentials:
        """The current credentials."""
        return self._transport.config.credentials

    async def sign_up(self, email: str, password: str) -> User:
        """Register and sign in."""
        user = await self.auth.register(email=email, password=password)
        await self.sign_in(email, password)
        return user

    async def sign_in(self, email: str, password: str, **second_factor: Any) -> Tokens:
        """Sign in, and make later calls as this user; pass `otp` or `passkey` if a second factor is required."""
        tokens = await self.auth.login(email=email, password=password, **second_factor)
        self.credentials.replace(tokens)
        return tokens

    async def sign_out(self) -> None:
        """End the sign-in on the server, and remove the tokens here."""
        await self.auth.logout()
        self.credentials.forget()

    async def close(self) -> None:
        """Close the connections, except those of a given `http`."""
        if self._closes:
            await self._transport.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
