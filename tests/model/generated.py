"""The generated columns of schemas/spanner, for the model. It uses another hash than FARM_FINGERPRINT, in the same
way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from shared.store.port import Row
from shared.store.tables import system

Generated = Callable[[Row], Any]
shard_of = lru_cache(10_000)(system.shard_of)


def _listed(key: str) -> Generated:
    """The shard of the lists over all users, by the table's key."""
    return lambda row: shard_of(row[key], 4)


GENERATED: dict[str, dict[str, Generated]] = {
    "orders": {
        "open_shard": lambda row: (
            shard_of(row["order_id"], 16) if row["status"] == "open" and not row["hidden"] else None
        ),
        "list_shard": _listed("order_id"),
    },
    "claims": {
        "live_order_id": lambda row: (
            row["order_id"] if row["status"] in ("claimed", "processing", "processed", "failed") else None
        ),
        "live_user_id": lambda row: row["user_id"] if row["status"] == "claimed" else None,
        "paying_wallet_id": lambda row: (
            row["wallet_id"] if row["status"] in ("claimed", "processing", "failed") else None
        ),
        "list_shard": _listed("claim_id"),
    },
    "supplies": {
        "live_address": lambda row: (
            row["address"] if row["status"] in ("active", "paused", "exhausted") else None
        ),
        "list_shard": _listed("supply_id"),
    },
    "contracts": {"abi_characters": lambda row: len(row["abi"])},
    "funds": {"watch_shard": lambda row: shard_of(row["address"], 16) if row["supplies"] > 0 else None},
    "users": {"list_shard": _listed("id")},
    "wallets": {
        "active_address": lambda row: row["address"] if row["status"] == "active" else None,
        "list_shard": _listed("id"),
        "disabled_shard": lambda row: shard_of(row["id"], 4) if row["status"] == "disabled" else None,
    },
    "transactions": {
        "list_shard": _listed("transaction_id"),
        "lane_shard": lambda row: shard_of(row["lane_id"], 16),
        "unmined_chain": lambda row: (
            None if row["next_action_at"] is None or row["mined_block_number"] is not None else row["chain"]
        ),
        "block_chain": lambda row: (
            None if row["mined_block_number"] is None or row["finalized"] else row["chain"]
        ),
        "block_stage": lambda row: 0 if row["state"] == "mined" else 1,
        "queued_lane_id": lambda row: row["lane_id"] if row["state"] == "accepted" else None,
        "queued_chain": lambda row: row["chain"] if row["state"] == "accepted" else None,
        "open_wallet_id": lambda row: None if row["finalized"] else row["wallet_id"],
    },
}
