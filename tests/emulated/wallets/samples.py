"""A well-known mnemonic, its first account, and typed data to sign."""

from __future__ import annotations

from typing import Any

WORDS = "test test test test test test test test test test test junk"
FIRST = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


def typed(chain_id: int = 31337, contract: str = FIRST) -> dict[str, Any]:
    return {
        "types": {"Mail": [{"name": "body", "type": "string"}]},
        "primaryType": "Mail",
        "domain": {"name": "Post", "chainId": chain_id, "verifyingContract": contract},
        "message": {"body": "hello"},
    }
