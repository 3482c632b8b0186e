"""The caller's credentials: an API key, or a pair of tokens that is renewed automatically."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from web3_wallet_client.models import Tokens


@dataclass(slots=True)
class Credentials:
    """The credentials to send; nothing is sent if both are absent.

    `renewed` is called with each new pair. The old refresh token is then invalid, so store the new one.
    """

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
        """Use this pair from now on."""
        self.token, self.refresh_token = tokens.token, tokens.refresh_token
        if self.renewed is not None:
            self.renewed(tokens)

    def forget(self) -> None:
        """Remove the tokens; an API key stays."""
        self.token = self.refresh_token = None
