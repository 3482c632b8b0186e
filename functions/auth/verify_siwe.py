"""Sign in with a wallet: an EIP-4361 message for this site, signed by a key or by a contract wallet (EIP-1271).

The first sign-in with an address creates its account. An account of a key is identified by its address, an account of
a contract wallet by chain and address, because another contract may stand at the same address of another chain. A
nonce can be used for one sign-in.
"""

from __future__ import annotations

from functools import partial

from schemas.auth import Tokens, VerifySiwe
from shared import resources
from shared.auth import contract_signatures, second_factor, sign_in
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity import siwe, siwe_nonces
from shared.identity.errors import InvalidCredentials, SiweRefused
from shared.runtime.operation import PUBLIC, http
from shared.store.tables import users
from shared.store.tables.sign_ins import SPENT_NONCES
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/siwe/verify",
    permission=PUBLIC,
    request=VerifySiwe,
    answer=Tokens,
    idempotency="none",
    needs=("chain", "issuer", "signer"),
    publishes=("account-events",),
)
def verify_siwe(request: VerifySiwe, caller: Caller | None) -> Tokens:
    message = siwe.parse(request.message)
    spent = _checked(message)
    by_key = siwe.verify_signature(message, request.signature, contract_signatures.checker(message.chain_id))
    identity = message.address if by_key else users.contract_identity(message.chain_id, message.address)
    user = commit(_enter, identity, spent)
    proof = second_factor.presented(user.id, request.otp, request.passkey)
    return Tokens.of(
        sign_in.open_session(user, ("wallet",), proof=proof, spends=partial(_spend, spent=spent))
    )


def _checked(message: siwe.SiweMessage) -> siwe_nonces.SpentNonce:
    """Check that the message is for this site and valid now, and return the nonce to spend. Raises SiweRefused."""
    settings, now = resources.settings(), resources.clock().now()
    ends = siwe_nonces.expiry(message.nonce, settings.fingerprint_key)
    if ends is None or now >= ends:
        raise SiweRefused("nonce")
    siwe.check(
        message,
        domains=settings.siwe_domains,
        schemes=("https", "http") if settings.local else ("https",),
        chain_ids=[resources.registry().chain(name).chain_id for name in settings.rpc_urls],
        nonce=message.nonce,
        now=now,
    )
    return siwe_nonces.SpentNonce(message.nonce, ends)


def _enter(unit: UnitOfWork, address: str, spent: siwe_nonces.SpentNonce) -> rules.User:
    """Find or create the account of the address. Raises SiweRefused if the nonce was used before."""
    if unit.maybe(SPENT_NONCES.find(spent.id)) is not None:
        raise SiweRefused("nonce")
    user = users.by_address(unit, address)
    if user is None:
        user = rules.register(user_id=unit.new_id("usr"), now=unit.now, address=address)
        unit.write(user)
    if user.disabled:
        raise InvalidCredentials
    unit.note(user.id)
    return user


def _spend(unit: UnitOfWork, spent: siwe_nonces.SpentNonce) -> None:
    """Spend the nonce in the commit that opens the session. Until then the same signed message stays valid, so that it
    can be sent again together with the second factor."""
    if unit.maybe(SPENT_NONCES.find(spent.id)) is not None:
        raise SiweRefused("nonce")
    unit.on_conflict(SiweRefused("nonce"))
    unit.write(spent)
