"""Who calls: an API key, or a pair of tokens that is renewed by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from web3_wallet_client.models import Tokens


@dataclass(slots=True)
class Credentials:
    """What is sent to say who calls; nothing where both are absent.

    `renewed` hears of each new pair: the old refresh token is worthless from then on, so keep the new one."""

    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    renewed: Callable[[Tokens], None] | None = None

    @property
    def bearer(self) -> str:
        return self.token or ""

    @property
    def refreshable(self) -> bool:
        return self.refresh_token is not None

    def headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.api_key} if self.api_key else {}

    def replace(self, tokens: Tokens) -> None:
        """From now on, this pair."""
        self.token, self.refresh_token = tokens.token, tokens.refresh_token
        if self.renewed is not None:
            self.renewed(tokens)

    def forget(self) -> None:
        """Nobody is signed in any more; an API key stays."""
        self.token = self.refresh_token = None
