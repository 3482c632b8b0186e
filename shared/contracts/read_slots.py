"""Turns for reads that run contracts which their caller names: such a contract may compute for seconds and answer
megabytes. So a few run at once in an instance, and accounts have turns."""

from __future__ import annotations

from contextlib import AbstractContextManager

from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.errors import Unready
from shared.runtime.fair_slots import FairSlots


class ContractReads(FairSlots):
    """The reads that this process waits for. The other threads stay free for what needs no contract."""

    AT_ONCE, OF_ONE, WAITING, SECONDS = 6, 4, 4, 5.0  # of the 16 threads of an instance

    def __init__(self) -> None:
        super().__init__(self.AT_ONCE, self.WAITING, self.SECONDS, Unready, of_one=self.OF_ONE)


def held(caller: Caller) -> AbstractContextManager[None]:
    """Hold a slot for as long as the block runs. Raises Unready if too many others run."""
    return resources.memory(ContractReads).held(caller.user_id)
