"""Transactions as the chain shows them: receipts with logs, simulations, gas prices and gas estimates."""

from __future__ import annotations

from schemas.base import ChainName, Count, Request, Resource, optional_text
from shared.domain.transactions.evidence import Log, decoded
from shared.domain.transactions.fees import Fees


class GasPriceQuery(Request):
    chain: ChainName | None = None


class LogEntry(Resource):
    """`name` and `arguments` are set for ERC-20 Transfer and Approval; integers are strings."""

    address: str
    topics: list[str]
    data: str
    index: Count
    name: str | None = None
    arguments: dict[str, str] | None = None

    @classmethod
    def of(cls, log: Log) -> LogEntry:
        name, arguments = decoded(log)
        return cls(
            address=log.address,
            topics=list(log.topics),
            data=log.data,
            index=log.index,
            name=name,
            arguments=arguments,
        )


class Receipt(Resource):
    """The receipt of a mined transaction; gas in units, price in wei per gas. If there are very many logs, only
    the first are kept: `logs_omitted` counts the others.
    """

    transaction_id: str
    chain: str
    hash: str
    block_number: Count
    block_hash: str
    confirmations: Count | None
    success: bool
    gas_used: Count
    effective_gas_price: str
    contract_address: str | None
    logs: list[LogEntry]
    logs_omitted: Count


class FeeOffer(Resource):
    """Wei per gas: the EIP-1559 pair, or `gas_price` on legacy chains."""

    max_fee_per_gas: str | None
    max_priority_fee_per_gas: str | None
    gas_price: str | None

    @classmethod
    def of(cls, fees: Fees) -> FeeOffer:
        return cls(
            max_fee_per_gas=optional_text(fees.max_fee_per_gas),
            max_priority_fee_per_gas=optional_text(fees.max_priority_fee_per_gas),
            gas_price=optional_text(fees.gas_price),
        )


class GasPrice(Resource):
    """For the next block, in wei per gas; `base_fee` is null on legacy chains."""

    chain: str
    block_number: Count
    gas_price: str
    base_fee: str | None
    slow: FeeOffer
    average: FeeOffer
    fast: FeeOffer


class GasEstimate(Resource):
    """The gas limit that the transaction would get, in units of gas."""

    gas: Count


class Simulation(Resource):
    """The simulated outcome in the next block; nothing is sent."""

    success: bool
    gas: Count
    return_data: str
    revert_reason: str | None
    logs: list[LogEntry]
