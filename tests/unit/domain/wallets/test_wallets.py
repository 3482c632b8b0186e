"""Wallets: the choice of one, duplicates, and the reasons against deletion."""

from __future__ import annotations

import pytest

from shared.domain.errors import InvalidState, NotFound
from shared.domain.wallets import wallets
from shared.domain.wallets.wallets import WalletExists, WalletHasNoSeed, WalletInUse, WalletRequired
from tests.unit.domain.factories import NOW, wallet

IDLE = {"reserved": False, "unfinished": False, "pays_in": False, "holds_value": False, "force": False}


def test_the_only_wallet_on_a_chain_is_meant() -> None:
    mine = wallet()
    gone, elsewhere = wallet(id="wal_x", status="disabled"), wallet(id="wal_y", chain="other")
    assert wallets.only([mine, gone, elsewhere], "local") is mine
    with pytest.raises(WalletRequired) as refused:
        wallets.only([wallet(id="wal_b"), wallet(id="wal_a")], "local")
    assert refused.value.data == {"wallets": ["wal_a", "wal_b"]} and "wallet_id" in str(refused.value)
    with pytest.raises(WalletRequired, match="POST /wallets"):
        wallets.only([gone, elsewhere], "local")


def test_the_same_key_twice_is_refused() -> None:
    mine = wallet()
    with pytest.raises(WalletExists) as refused:
        wallets.refuse_duplicate([mine], "local", mine.address)
    assert refused.value.data == {"wallet_id": mine.id}
    wallets.refuse_duplicate([mine], "other", mine.address)
    wallets.refuse_duplicate([wallet(status="disabled")], "local", mine.address)


@pytest.mark.parametrize(
    ("path", "index", "following"),
    [("m/44'/60'/0'/0/0", 0, "m/44'/60'/0'/0/1"), ("m/44'/60'/7'", 7, "m/44'/60'/8'"), ("m/9", 9, "m/10")],
)
def test_the_next_account_follows_the_newest(path: str, index: int, following: str) -> None:
    assert wallets.next_account(wallet(derivation_path=path, index=index)) == following
    with pytest.raises(WalletHasNoSeed):
        wallets.next_account(wallet(derivation_path=None, index=None))


def test_a_deleted_wallet_is_not_found() -> None:
    assert wallets.require_active(wallet())
    with pytest.raises(NotFound):
        wallets.require_active(wallet(status="disabled"))


def test_an_idle_wallet_is_disabled_at_once() -> None:
    gone = wallets.disable(wallet(), NOW, **IDLE)
    assert (gone.status, gone.disabled_at, gone.version) == ("disabled", NOW, 2)
    with pytest.raises(InvalidState):
        wallets.disable(gone, NOW, **IDLE)


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ("reserved", "supply_reserved"),
        ("unfinished", "transaction_unfinished"),
        ("pays_in", "claim_pays_in"),
        ("holds_value", "holds_value"),
    ],
)
def test_what_still_needs_a_wallet_keeps_it(use: str, reason: str) -> None:
    with pytest.raises(WalletInUse) as refused:
        wallets.disable(wallet(), NOW, **{**IDLE, use: True})
    assert refused.value.data == {"reason": reason}
    forced = {**IDLE, use: True, "force": True}
    if use == "holds_value":
        assert wallets.disable(wallet(), NOW, **forced).status == "disabled"
    else:
        with pytest.raises(WalletInUse):
            wallets.disable(wallet(), NOW, **forced)
