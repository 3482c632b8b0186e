"""The Python client refuses secrets with which everybody could sign."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from web3_wallet_client import webhooks

BODY, NOW = '{"type": "order.completed"}', 1_900_000_000


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%"])
def test_an_empty_or_broken_secret_verifies_nothing(secret: str) -> None:
    digest = hmac.new(b"", f"msg_1.{NOW}.{BODY}".encode(), hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    with pytest.raises(ValueError, match="secret"):
        webhooks.verify(BODY, headers, secret, now=NOW)
