"""Limit the gas of payouts: the recipient decides what code runs, and the paying wallet pays for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Refusal
from shared.domain.wallets.wallets import Wallet

REMEMBERED: Final = timedelta(hours=1)  # afterwards the recipient's code may be another


class PayoutTooCostly(Refusal):
    """`data.gas` (what the payout would need) and `data.cap` (of the chain), in units of gas."""

    code, status = "PAYOUT_TOO_COSTLY", 409
    message = "A payout to this address needs more gas than the chain's cap allows."


def require_payable(wallet: Wallet, cap: int, now: datetime) -> None:
    """Refuse a claim whose wallet was too costly to pay a short while ago. Raises PayoutTooCostly."""
    gas, seen = wallet.payout_gas, wallet.payout_gas_at
    if gas is not None and seen is not None and gas > cap and now < seen + REMEMBERED:
        raise PayoutTooCostly(gas=gas, cap=cap)
