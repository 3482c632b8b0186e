"""Limit the gas of payouts: the recipient decides what code runs, and the paying wallet pays for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Refusal
from shared.domain.wallets.wallets import Wallet

REMEMBERED: Final = timedelta(hours=1)  # afterwards the recipient may have other code


class PayoutTooCostly(Refusal):
    """`data.gas` is the gas that the payout would need, `data.cap` the chain's cap, both in units of gas."""

    code, status = "PAYOUT_TOO_COSTLY", 409
    message = "A payout to this address needs more gas than the chain's cap allows."


def require_payable(wallet: Wallet, cap: int, now: datetime) -> None:
    """Refuse a claim if a payout to its wallet was too costly within the last hour. Raises PayoutTooCostly."""
    gas, seen = wallet.payout_gas, wallet.payout_gas_at
    if gas is not None and seen is not None and gas > cap and now < seen + REMEMBERED:
        raise PayoutTooCostly(gas=gas, cap=cap)
