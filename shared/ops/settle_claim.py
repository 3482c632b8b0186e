"""Record a claim as paid by forgotten transactions: `python -m shared.ops.settle_claim <claim> <hash> …`.

Each hash names a transaction that paid one allocation of the claim. Everything is verified: the transaction must be in
a final block, as a quorum of nodes shows it; the supplying wallet must have sent exactly that amount and currency to
the claimer's wallet, after the order was placed; and the database must not know it as anything else. Then supplies,
order and claim are updated in one commit, which the audit log records with `--by`. A failed run changes nothing; a
settled claim is refused the second time. Nothing is ever sent. When to use it: docs/operations.md, "Backup and
restore".
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, Final

from schemas.claims import Claim as ClaimView
from shared import resources
from shared.chain.client import ChainClient
from shared.chain.errors import ChainError
from shared.domain.desk.claims import Claim
from shared.domain.errors import Refusal
from shared.domain.transactions.forgotten import Found
from shared.engine import forgotten_payments
from shared.ops import command_line, quorum
from shared.store.session import Session
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

SECONDS: Final = 300.0


def settle(claim_id: str, hashes: list[str], by: str, reason: str) -> Claim:
    """Settle the claim and return it. Raises NotFound, NotEvidence, InvalidState, ChainError (not
    proven: try again)."""
    session = Session(resources.database().snapshot())
    claim = session.one(claims.by_id(claim_id))
    client = resources.chain(claim.chain)
    found = [proven(client, one) for one in dict.fromkeys(hashes)]
    return commit(_settle, claim_id, found, client.spec.block_seconds, {"by": by, "reason": reason})


def _settle(
    unit: UnitOfWork, claim_id: str, found: list[Found], block_seconds: float, said: dict[str, str]
) -> Claim:
    after = forgotten_payments.settle(unit, claim_id, found, block_seconds)
    unit.audit(claim_id, operator=said)
    return after


def proven(client: ChainClient, tx_hash: str) -> Found:
    """The transaction as a quorum shows it. Raises NotEvidence, and ChainError if no quorum shows it in time."""
    return quorum.wait_for(client, lambda: forgotten_payments.prove(client, tx_hash))


def _hash(text: str) -> str:
    if re.fullmatch("0x[0-9a-fA-F]{64}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no hash: 0x and 64 hexadecimal digits")
    return text.lower()


def main(arguments: list[str]) -> int:
    """Run the command; returns 1 if it is refused or not proven, and then nothing has changed."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.settle_claim")
    parser.add_argument("claim", help="clm_…")
    parser.add_argument("hash", nargs="+", type=_hash, help="of the transactions that paid it, 0x…")
    parser.add_argument("--by", required=True, help="who decides it, for the audit log")
    parser.add_argument("--reason", default="restored database", help="why, for the audit log")
    options: Any = parser.parse_args(arguments)
    logs.configure()
    try:
        with command_line.as_system("settle_claim", SECONDS):
            claim = settle(options.claim, options.hash, options.by, options.reason)
    except Refusal as refused:
        sys.stderr.write(f"{refused.code}: {refused.text}\nNothing has changed.\n")
        return 1
    except ChainError as error:
        sys.stderr.write(f"not proven: {error}; ask again later. Nothing has changed.\n")
        return 1
    payments = Session(resources.database().snapshot()).many(claims.payments_of(claim.id))
    sys.stdout.write(f"{claim.id} is {claim.status}\n")
    for part in ClaimView.of(claim, payments).settlement.payments:
        why = f" ({part.reason})" if part.reason else ""
        sys.stdout.write(f"  {part.amount} {claim.currency}: {part.status}{why}, {part.transaction_id}\n")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
