"""The errors of keys: refusals are answers to a caller, faults are for an operator (500, an alert).

    Refusal (shared.domain.errors)            KeyFault (Exception)
    ├── InvalidValue 422                      ├── SealBroken         changed, swapped, downgraded
    ├── WrongPassphrase 422                   ├── MasterKeyMissing   the vault does not have the master key
    ├── KeystoreTooCostly 422                 ├── SecretUnusable     unusable file or text
    ├── AddressMismatch 422                   │   └── MasterKeyUnusable  also: production settings
    ├── ChainMismatch 422                     └── KeyServiceRefused  Cloud KMS refuses: rights, name, state
    ├── KeyWorkBusy 503
    └── VaultUnavailable 503

Neither ever contains a secret, a passphrase, a ciphertext or a part of one.
"""

from __future__ import annotations

from shared.domain.errors import Refusal


class WrongPassphrase(Refusal):
    code, status, message = "WRONG_PASSPHRASE", 422, "The passphrase does not open this keystore."


class KeystoreTooCostly(Refusal):
    """The file asks for more memory or work than allowed; `data` holds the requested value and the limit."""

    code, status = "KEYSTORE_TOO_COSTLY", 422
    message = "The keystore's key derivation needs more memory or work than allowed."


class AddressMismatch(Refusal):
    code, status = "ADDRESS_MISMATCH", 422
    message = "The key does not belong to the given address."


class ChainMismatch(Refusal):
    """`data.expected` is the wallet's chain id; `data.found` is the domain's, or null if it names none."""

    code, status, message = (
        "CHAIN_MISMATCH",
        422,
        "The typed data's domain is for another chain than the wallet.",
    )


class KeyWorkBusy(Refusal):
    code, status = "KEY_WORK_BUSY", 503
    message = "This instance is busy with another costly key derivation; try again."
    retry_after = 1.0


class VaultUnavailable(Refusal):
    code, status, message = "VAULT_UNAVAILABLE", 503, "The key service does not answer; try again."
    retry_after = 1.0


class KeyFault(Exception):
    """Custody is broken or misconfigured; the caller did not cause it."""


class SealBroken(KeyFault):
    """A sealed secret is not the one that was sealed for this tenant, wallet, purpose and version."""


class MasterKeyMissing(KeyFault):
    """The secret was sealed under a master key that this vault does not have."""


class SecretUnusable(KeyFault):
    """A secret's file or text cannot be used: absent, open to others, or not in the documented form."""


class MasterKeyUnusable(SecretUnusable):
    """Master keys cannot be used, or must not be used with these settings."""


class KeyServiceRefused(KeyFault):
    """Cloud KMS refuses permanently: missing right, wrong name, disabled or destroyed key."""
