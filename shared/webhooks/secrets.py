"""Signing secrets, sealed by a vault. Sealing needs `("webhook_seal",)`, opening `("webhooks",)`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared import resources
from shared.domain.webhooks.endpoints import Webhook
from shared.keys.vault import Binding, SealedKey
from shared.webhooks.signatures import SigningSecret


def binding(user_id: str, webhook_id: str, version: int) -> Binding:
    """The binding of an endpoint's secret."""
    return Binding(tenant=user_id, wallet_id=webhook_id, purpose="webhook", key_version=version)


@dataclass(frozen=True, slots=True)
class FreshSecret:
    """A secret that is not stored yet: to show, and to store sealed as this version."""

    secret: SigningSecret
    sealed: bytes
    version: int


def fresh(user_id: str, webhook_id: str, version: int) -> FreshSecret:
    """Create a secret. This calls the vault, so do it before the transaction. Raises VaultUnavailable (503)."""
    secret, bound = SigningSecret.generate(), binding(user_id, webhook_id, version)
    return FreshSecret(secret, resources.webhook_vault().seal(secret.to_bytes(), bound).to_bytes(), version)


def signers(webhook: Webhook, now: datetime) -> list[SigningSecret]:
    """The secrets that sign now, newest first. Calls the vault. Raises SealBroken, VaultUnavailable (503)."""
    found = [_opened(webhook, webhook.sealed, webhook.secret_version)]
    if webhook.previous_sealed is not None and webhook.overlaps(now):
        found.append(_opened(webhook, webhook.previous_sealed, webhook.secret_version - 1))
    return found


def _opened(webhook: Webhook, stored: bytes, version: int) -> SigningSecret:
    bound = binding(webhook.user_id, webhook.id, version)
    return SigningSecret.from_bytes(resources.webhook_vault().open(SealedKey.from_bytes(stored), bound))
