"""The schemas of wallets: secrets come in hidden and go out once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.policies import UpdatePolicy
from schemas.wallets import (
    Balance,
    CreatedWallet,
    CreateWallet,
    DeleteWallet,
    ExportedWallet,
    ImportWallet,
    Wallet,
    WalletAnswer,
)
from tests.unit.domain.factories import ETH, wallet


def test_an_answer_holds_no_key() -> None:
    dumped = Wallet.of(wallet()).model_dump(mode="json")
    assert dumped == {
        "id": "wal_usr_claimer",
        "user_id": "usr_claimer",
        "name": "mine",
        "chain": "local",
        "type": "hd",
        "address": "0xusr_claimer",
        "derivation_path": "m/44'/60'/0'/0/0",
        "parent_id": None,
        "index": 0,
        "deleted_at": None,
        "unproven": False,
        "metadata": {},
        "version": 1,
        "created_at": "2030-01-01T12:00:00Z",
    }
    assert WalletAnswer.of(wallet()).wallet.id == "wal_usr_claimer"


def test_show_once_fields_may_be_null_and_never_show_in_text() -> None:
    created = CreatedWallet.of(wallet(), "legal winner thank")
    assert "legal" not in repr(created)
    assert "legal" in created.model_dump_json()
    for answer, secret in ((created, CreatedWallet.SHOW_ONCE), (ExportedWallet(), ExportedWallet.SHOW_ONCE)):
        redacted = answer.model_copy(update=dict.fromkeys(secret))
        assert all(redacted.model_dump()[name] is None for name in secret)
        assert redacted.model_dump_json()


@pytest.mark.parametrize(
    "source",
    [
        {"private_key": "0x01"},
        {"mnemonic": "a b c"},
        {"mnemonic": "a b c", "derivation_path": "m/44'/60'/0'/0/3"},
        {"keystore": {"version": 3}, "passphrase": "p"},
    ],
)
def test_one_source_of_a_key(source: dict[str, Any]) -> None:
    request = ImportWallet.model_validate({"name": "x", **source})
    assert not any(secret in repr(request) for secret in ("0x01", "a b c", "version"))


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"private_key": "0x01", "mnemonic": "a"},
        {"keystore": {}},
        {"private_key": "0x01", "passphrase": "p"},
        {"private_key": "0x01", "derivation_path": "m/0"},
        {"mnemonic": "a", "derivation_path": "44/60"},
        {"private_key": 5},
        {"private_key": ""},
        {"mnemonic": "a" * 1025},
    ],
)
def test_other_combinations_are_refused_without_telling_the_secret(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        ImportWallet.model_validate({"name": "x", **source})
    assert "0x01" not in str(refused.value)


def test_seeds_have_the_standard_strengths() -> None:
    assert CreateWallet(name="x").strength == 128
    for strength in (127, "128", 257, None):
        with pytest.raises(ValidationError):
            CreateWallet.model_validate({"name": "x", "strength": strength})


def test_force_is_read_from_a_query_too() -> None:
    assert DeleteWallet.model_validate({"wallet_id": "w", "force": "true"}).force is True
    assert DeleteWallet(wallet_id="w").force is False


def test_balances_are_base_units_and_formatted() -> None:
    assert Balance.of(ETH, 15 * 10**17, 7).model_dump() == {
        "balance": "1500000000000000000",
        "formatted": "1.5",
        "symbol": "ETH",
        "decimals": 18,
        "token_address": None,
        "block_number": 7,
    }


def test_policies_take_base_units_and_hex() -> None:
    limit = {"asset": "native", "max_per_day": "0"}
    assert UpdatePolicy.model_validate({"wallet_id": "w", "limits": [limit]}).limits[0].max_per_day == "0"
    for wrong in (
        {"limits": [{"asset": "ETH"}]},
        {"limits": [{"asset": "native", "max_per_day": "1.5"}]},
        {"allowed_recipients": ["0x1"]},
        {"allowed_selectors": ["0xa9059cbb00"]},
        {"approval_above": 5},
        {"paused": "false"},
    ):
        with pytest.raises(ValidationError):
            UpdatePolicy.model_validate({"wallet_id": "w", **wrong})
