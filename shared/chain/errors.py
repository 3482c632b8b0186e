"""The tree of errors that a node can cause, and the mapping from node texts to errors.

    ChainError
     ├ Unreachable        connection, time-out, 5xx, garbage     (the node may have done what was requested)
     │  ├ OutOfTime       the caller's deadline came first
     │  ├ AnswerTooLong   larger than the limit; if contracts were called, they may be the cause
     │  └ WrongChain      the endpoint serves another chain: nothing was asked or sent
     ├ RateLimited        429 or a provider's quota text         (same)
     ├ NoQuorum           endpoints, or reads over time, do not agree yet
     └ NodeError          the node answered with an error
        ├ AlreadyKnown · NonceTooLow · NonceTooHigh · ReplacementUnderpriced · Underpriced
        ├ InsufficientFunds
        ├ Unsendable: IntrinsicGas · Oversized · GasLimit · InvalidType
        ├ ExecutionReverted (data) · MethodMissing · Lagging (ask another node)
        ├ TooMuch           more logs, blocks or time than the node allows for one request
        └ Ambiguous       unknown text
           └ NotAToken    the contract is not an ERC-20 token

Nodes use different codes (anvil answers -32003 where geth answers -32000), so the lower-cased text decides, whatever
the code. Texts come from geth core/txpool and core/error.go, reth transaction-pool, erigon txpoolcfg, nethermind
AcceptTxResult, besu TransactionInvalidReason, anvil, and hosted providers.
"""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(r"\b[a-z]{2,8}://\S+", re.IGNORECASE)
_BYTES: Final = re.compile(r"[0-9a-f]{130,}", re.IGNORECASE)  # longer than two words; signed bytes are


class ChainError(Exception):
    """The base of all node errors. Its text never contains an endpoint's URL."""


class Unreachable(ChainError):
    pass


class OutOfTime(Unreachable):
    """The time that the caller had was over before the node answered."""


class AnswerTooLong(Unreachable):
    pass


class RateLimited(ChainError):
    pass


class WrongChain(Unreachable):
    """For reads and proofs, as if the endpoint did not answer; the other endpoints serve the chain."""


class NoQuorum(ChainError):
    pass


class NodeError(ChainError):
    """`text` is the node's own message, `data` the revert data if there is any."""

    def __init__(self, text: str, code: int | None = None, data: bytes = b"") -> None:
        super().__init__(text[:300])
        self.text, self.code, self.data = text, code, data


class AlreadyKnown(NodeError):
    pass


class NonceTooLow(NodeError):
    pass


class NonceTooHigh(NodeError):
    pass


class ReplacementUnderpriced(NodeError):
    pass


class Underpriced(NodeError):
    pass


class InsufficientFunds(NodeError):
    pass


class Unsendable(NodeError):
    """No node will accept these bytes."""


class IntrinsicGas(Unsendable):
    pass


class Oversized(Unsendable):
    pass


class GasLimit(Unsendable):
    pass


class InvalidType(Unsendable):
    pass


class Lagging(NodeError):
    """The node does not have the requested block or state: ask another one."""


class ExecutionReverted(NodeError):
    pass


class MethodMissing(NodeError):
    pass


class TooMuch(NodeError):
    """More logs, blocks or time than the node allows for one request: ask for less."""


class Ambiguous(NodeError):
    pass


class NotAToken(Ambiguous):
    """There is no ERC-20 token at the address."""


# The first match wins, so a text that contains another one comes before it. Texts of contracts come first, because
# they may contain any of the others.
TEXTS: Final[tuple[tuple[type[ChainError], tuple[str, ...]], ...]] = (
    (ExecutionReverted, (
        "execution reverted", "vm execution error", "vm exception while processing", "reverted with reason")),
    (TooMuch, (
        "query returned more than", "query exceeds max", "response size exceeded", "response size should",
        "response is too big", "response too large", "block range", "range is too large", "range too large",
        "too many results", "too many logs", "query timeout", "eth_getlogs is limited",
        "exceeds the range", "max results")),
    (RateLimited, (
        "rate limit", "ratelimit", "too many requests", "compute units per second", "request limit", "quota",
        "requests per second", "daily request count", "capacity exceeded", "throttl", "allowed rps")),
    (AlreadyKnown, (
        "already known", "alreadyknown", "already imported", "already in mempool", "already in pool",
        "already in the pool", "already exists", "already added", "existing tx with same hash",
        "known transaction", "transaction_already_known")),
    (Ambiguous, ("future transaction tries to replace pending",)),
    (ReplacementUnderpriced, (
        "replacement transaction underpriced", "replacement underpriced", "could not replace existing",
        "transaction_replacement_underpriced", "replacementnotallowed", "replacement not allowed",
        "price too low to replace", "price to replace", "another transaction with same nonce",
        "replacement fee too low", "fee too low to replace")),
    (NonceTooLow, (
        "nonce too low", "nonce is too low", "nonce_too_low", "oldnonce", "old nonce", "nonce too small",
        "nonce has already been used")),
    (NonceTooHigh, (
        "nonce too high", "nonce is too high", "nonce_too_high", "nonce_too_far", "nonce too far", "noncegap",
        "nonce gap", "gapped-nonce", "gapped nonce", "nonce too big", "in-flight transaction limit reached")),
    (InsufficientFunds, (
        "insufficient funds", "insufficientfunds", "insufficient_funds", "insufficient balance",
        "upfront cost exceeds", "upfront_cost_exceeds", "not have enough funds", "not enough funds",
        "sender doesn't have enough")),
    (IntrinsicGas, (
        "intrinsic gas", "intrinsic_gas", "floor data gas", "gaslimittoolow", "transaction gas is too low")),
    (GasLimit, (
        "exceeds block gas limit", "exceeds_block_gas_limit", "exceeds max transaction gas",
        "exceeds current gas limit", "gas limit too high", "gaslimitexceeded", "gas limit exceed",
        "gas required exceeds", "txgaslimitcap")),
    (Oversized, (
        "oversized", "initcode size", "transaction size", "maxtxsize", "max_tx_size", "rlp too large")),
    (Underpriced, (
        "underpriced", "less than block base fee", "fee cap less than", "gas price below", "gas tip cap",
        "gas price too low", "gas_price_too_low", "gas price is too low", "minimum needed", "feetoolow",
        "fee too low", "gas too low", "below base fee", "basefee too low", "price_below_current_base_fee",
        "max fee per gas less", "lower than the minimum", "below the minimum", "below chain minimum")),
    (InvalidType, (
        "type not supported", "unsupported transaction type", "invalid transaction type", "unknown-tx type",
        "notsupportedtxtype", "invalid sender", "invalid signature", "invalid chain id", "wrong chain id",
        "wrong_chain_id", "chain id mismatch", "tip higher than", "priority fee per gas higher",
        "exceeds the configured cap", "rlp:", "failed to decode", "typed transaction too short",
        "only replay-protected", "sender not an eoa", "senderiscontract")),
    (Lagging, (
        "header not found", "block not found", "unknown block", "missing trie node", "resource not found",
        "state not available", "historical state", "state is pruned", "pruned history", "history has been pruned",
        "history is pruned", "blockoutofrange", "out of range")),
    (ExecutionReverted, (  # the last ones: code that halts, in the EVM's own words
        "revert", "evm error", "stack underflow", "stack overflow", "stack limit reached", "invalid opcode",
        "invalid jump", "write protection", "max code size", "invalid code", "out of gas")),
    (MethodMissing, (
        "method not found", "does not exist/is not available", "method not supported", "unsupported method",
        "method is not supported", "not implemented", "unknown method", "is not whitelisted")),
)  # fmt: skip


_NESTED: Final = 4  # maximum number of objects around revert data


def classify(text: str, code: int | None = None, data: object = None) -> ChainError:
    """The error for a node's answer. Unknown texts are Ambiguous, except with the standard codes 3 and -32601."""
    text = _shown(text)
    lower = text.lower().replace("unknown transaction", "unknown-tx")
    payload = revert_data(data)
    for kind, texts in TEXTS:
        if any(part in lower for part in texts):
            return kind(text, code, payload) if issubclass(kind, NodeError) else kind(text[:300])
    if code == 3 or payload:
        return ExecutionReverted(text, code, payload)
    if code == -32601:
        return MethodMissing(text, code)
    if code == -32005:  # EIP-1474 "limit exceeded"
        return RateLimited(text[:300])
    return Ambiguous(text, code)


def _shown(text: str) -> str:
    """Remove what a node may repeat in its answer (our endpoint's URL, signed bytes), and what no column holds."""
    return _BYTES.sub("…", _URL.sub("…", text)).encode(errors="replace").decode()


def revert_data(data: object) -> bytes:
    """The revert bytes, in any form that nodes use: "0x…", "Reverted 0x…" (parity), {"data": "0x…"} (hardhat)."""
    for _ in range(_NESTED):
        if isinstance(data, dict):
            data = data.get("data") or data.get("result") or data.get("originalError")
    if not isinstance(data, str) or "0x" not in data:
        return b""
    try:
        return bytes.fromhex(data[data.index("0x") + 2 :].strip().strip('"'))
    except ValueError:
        return b""
