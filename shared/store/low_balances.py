"""Addresses that hold too little of the native coin, by lane."""

from __future__ import annotations

from shared.domain.tx_low import LowBalance
from shared.store.table import Table

LOW_BALANCES = Table("low_balances", LowBalance, ("id",), texts=frozenset({"balance", "threshold"}))
