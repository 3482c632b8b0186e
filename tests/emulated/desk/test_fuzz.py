"""Whatever is sent to the desk's routes: no 5xx, and no answer that the OpenAPI document does not describe."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emulators.gateway import make_app
from schemas.openapi import document
from shared import operation
from tests.emulated.desk.world import Desk

GROUPS = ("supplies", "orders", "claims", "events")
ROUTES = sorted(
    (trigger.method, trigger.path)
    for entry in operation.catalog().values()
    for trigger in entry.https
    if entry.group in GROUPS and not trigger.path.endswith(("/stream", "/reconciliation"))
)
EXAMPLES = 12


@pytest.fixture(scope="module")
def schema() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis

        app = make_app()
        app.add_url_rule("/fuzzed.json", view_func=lambda: document(operation.catalog()))
        yield schemathesis.openapi.from_wsgi("/fuzzed.json", app)


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{m} {p[7:]}" for m, p in ROUTES])
def test_every_answer_is_described(desk: Desk, schema: Any, method: str, path: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper, "0.1")
    known = {
        "supply_id": order["allocations"][0]["supply_id"],
        "order_id": order["id"],
        "claim_id": desk.claimed(claimer, order["id"])["id"],
    }
    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    sent = []
    tokens = {who: desk.app.token(who) for who in (shopper, claimer)}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=schema[path][method].as_strategy(),
        who=st.sampled_from([shopper, claimer, shopper, claimer, None]),
        real=st.sampled_from([True, True, False]),
    )
    def fuzz(case: Any, who: str | None, real: bool) -> None:
        if real and isinstance(case.path_parameters, dict):
            case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
        if who is not None:
            case.headers["Authorization"] = f"Bearer {tokens[who]}"
        if isinstance(case.query, dict) and "wait" in case.query:
            case.query["wait"] = 0
        sent.append(case.call_and_validate(checks=wanted).status_code)

    fuzz()
    assert len(sent) >= EXAMPLES
