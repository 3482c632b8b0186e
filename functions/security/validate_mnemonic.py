"""Check whether words are a BIP-39 mnemonic: 12 to 24 English words with a matching checksum."""

from __future__ import annotations

from schemas.security import ValidateMnemonic, Validity
from shared.domain.permissions import Caller
from shared.keys import mnemonic
from shared.runtime.operation import http


@http(
    "POST",
    "/security/validate-mnemonic",
    permission="security:use",
    others="owner",
    request=ValidateMnemonic,
    answer=Validity,
    idempotency="none",
    writes=False,
)
def validate_mnemonic(request: ValidateMnemonic, caller: Caller) -> Validity:
    return Validity(valid=mnemonic.is_valid(request.mnemonic.get_secret_value()))
