"""Enrol a key of Cloud KMS as a user's wallet: `python -m shared.ops.enrol_treasury <user id> <chain> <key version>`.

The key version (`projects/…/cryptoKeyVersions/1`, EC_SIGN_SECP256K1_SHA256) never leaves KMS: the wallet signs each
transaction with one call, and cannot export its key or sign messages. Give the wallet a policy to limit who may spend.
"""

from __future__ import annotations

import sys
from typing import Final

from shared import resources
from shared.domain.errors import Refusal
from shared.domain.wallets import wallets as rules
from shared.domain.wallets.wallets import Wallet, WalletExists
from shared.keys.accounts import address_of_public_key
from shared.keys.kms_vault import fetch_public_key
from shared.ops import command_line
from shared.runtime.clock import new_id
from shared.store.tables.users import USERS
from shared.store.tables.wallets import VaultKey
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.wallets import custody
from shared.writes.commit import commit

SECONDS: Final = 60.0


def enrol(user_id: str, chain: str, key_version: str) -> Wallet:
    """Create the wallet of a key that stays in KMS.

    Raises NotFound (no such user), UnknownChain, WalletExists, KeyServiceRefused, VaultUnavailable."""
    with command_line.as_system("enrol_treasury", SECONDS):
        resources.registry().chain(chain)
        public_key = fetch_public_key(key_version, resources.kms())
        wallet = rules.new_wallet(
            wallet_id=new_id("wal"),
            key_id=new_id("key"),
            user_id=user_id,
            name="treasury",
            chain=chain,
            address=address_of_public_key(public_key),
            path=None,
            now=resources.clock().now(),
        )
        return commit(_enrol, wallet, custody.enrolled(wallet, key_version, public_key))


def _enrol(unit: UnitOfWork, wallet: Wallet, key: VaultKey) -> Wallet:
    unit.one(USERS.get(wallet.user_id))
    unit.on_conflict(WalletExists())
    unit.write(wallet, key)
    return wallet


def main(arguments: list[str]) -> int:
    logs.configure()
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m shared.ops.enrol_treasury <user id> <chain> <key version>\n")
        return 2
    try:
        wallet = enrol(*arguments)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal.text}\n")
        return 1
    sys.stdout.write(f"{wallet.id} {wallet.address}\n")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
