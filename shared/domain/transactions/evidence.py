"""Evidence from nodes: receipts and logs, and whether a token payout really happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.transactions.transactions import Transaction

# keccak256("Transfer(address,address,uint256)"), ERC-20
TRANSFER_TOPIC: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

# keccak256("Approval(address,address,uint256)"), ERC-20
APPROVAL_TOPIC: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
_SIGNATURES: Final = {
    TRANSFER_TOPIC: ("Transfer", "from", "to"),
    APPROVAL_TOPIC: ("Approval", "owner", "spender"),
}


@dataclass(frozen=True, slots=True)
class Log:
    """A log of a receipt. Topics and data are lower-case hex with 0x; the address is EIP-55 or lower case."""

    address: str
    topics: tuple[str, ...]
    data: str
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of a mined transaction in its block; gas in units, price in wei per gas."""

    hash: str
    block_hash: str
    block_number: int
    success: bool
    gas_used: int
    effective_gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...]


def transfer_logged(logs: Iterable[Log], token: str, sender: str, recipient: str, amount: int) -> bool:
    """Whether the logs contain the token's Transfer(sender, recipient, amount) (ERC-20)."""
    topics = (TRANSFER_TOPIC, _topic(sender), _topic(recipient))
    return any(
        log.address.lower() == token.lower()
        and tuple(topic.lower() for topic in log.topics) == topics
        and len(log.data) == 66
        and int(log.data, 16) == amount
        for log in logs
    )


def decoded(log: Log) -> tuple[str | None, dict[str, str] | None]:
    """Name and arguments of an ERC-20 Transfer or Approval (addresses in lower case); otherwise two Nones."""
    signature = _SIGNATURES.get(log.topics[0].lower()) if log.topics else None
    if signature is None or len(log.topics) != 3 or len(log.data) != 66:
        return None, None
    name, first, second = signature
    arguments = {first: "0x" + log.topics[1][-40:].lower(), second: "0x" + log.topics[2][-40:].lower()}
    return name, arguments | {"value": str(int(log.data, 16))}


def paid(transaction: Transaction, receipt: Receipt) -> bool:
    """Whether a payout's receipt proves the payment: by the Transfer log for tokens, by success for the native coin."""
    if not receipt.success:
        return False
    if transaction.token_address is None or transaction.token_recipient is None:
        return True
    return transfer_logged(
        receipt.logs,
        transaction.token_address,
        transaction.from_address,
        transaction.token_recipient,
        transaction.token_amount or 0,
    )


def _topic(address: str) -> str:
    return "0x" + address.lower().removeprefix("0x").rjust(64, "0")
