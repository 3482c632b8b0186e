"""The state tables: exactly the arrows of the design, and refusals that name the state."""

from __future__ import annotations

from typing import get_args

import pytest

from shared.domain.desk import states
from shared.domain.desk.states import TRANSITIONS, check
from shared.domain.errors import InvalidState

ARROWS = {
    "supply": """pending>active pending>rejected pending>closed active>paused active>exhausted active>closed
        paused>active paused>exhausted paused>closed exhausted>active exhausted>paused exhausted>closed""",
    "order": """open>claimed open>cancelled open>expired claimed>processing claimed>open claimed>expired
        processing>completed processing>failed failed>processing""",
    "claim": """claimed>processing claimed>released claimed>expired claimed>rejected processing>processed
        processing>failed failed>processing""",
}


@pytest.mark.parametrize("kind", ["supply", "order", "claim"])
def test_only_the_arrows_of_the_design_are_allowed(kind: states.Kind) -> None:
    table = TRANSITIONS[kind]
    allowed = set(ARROWS[kind].split())
    for current in table:
        for target in table:
            if f"{current}>{target}" in allowed:
                check(kind, current, target)
            else:
                with pytest.raises(InvalidState) as refused:
                    check(kind, current, target)
                assert refused.value.data == {"status": current}


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS["supply"]) == set(get_args(states.SupplyStatus))
    assert set(TRANSITIONS["order"]) == set(get_args(states.OrderStatus))
    assert set(TRANSITIONS["claim"]) == set(get_args(states.ClaimStatus))


def test_processing_ends_only_by_evidence() -> None:
    assert TRANSITIONS["order"]["processing"] == {"completed", "failed"}
    assert TRANSITIONS["claim"]["processing"] == {"processed", "failed"}
