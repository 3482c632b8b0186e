"""Whatever is sent to the desk's routes: no 5xx, and no answer that the OpenAPI document does not describe.

Sent are requests that fit their schemas and such that do not, by owners, claimers, operators and nobody, about real
resources and about none.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emulators.gateway import make_app
from schemas.contract.openapi import document
from shared.runtime import operation
from tests.emulated.desk.world import Desk

GROUPS = ("supplies", "orders", "claims", "events", "deadletters")
ROUTES = sorted(
    (trigger.method, trigger.path)
    for entry in operation.catalog().values()
    for trigger in entry.https
    if entry.group in GROUPS and not trigger.path.endswith("/stream")  # it would not end
)
EXAMPLES = 16


@pytest.fixture(scope="module")
def schema() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis

        app = make_app()
        app.add_url_rule("/fuzzed.json", view_func=lambda: document(operation.catalog()))
        yield schemathesis.openapi.from_wsgi("/fuzzed.json", app)


def cases(endpoint: Any) -> st.SearchStrategy[Any]:
    """What fits the schema, and what does not where there is a schema that something does not fit."""
    from schemathesis import GenerationMode

    right = endpoint.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = endpoint.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    has_schema = endpoint.body or endpoint.query or endpoint.path_parameters
    return st.one_of(right, wrong) if has_schema else right


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
        "dead_letter_id": "dlq_none",
    }
    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
    ]
    sent = []
    tokens = {who: desk.app.token(who) for who in (shopper, claimer)}
    tokens["operator"] = desk.app.token("usr_op", "operator")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=cases(schema[path][method]),
        who=st.sampled_from([shopper, claimer, "operator", None]),
        real=st.sampled_from([True, True, False]),
    )
    def fuzz(case: Any, who: str | None, real: bool) -> None:
        if real and isinstance(case.path_parameters, dict):
            case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
        if who is not None:
            case.headers.pop("X-API-Key", None)  # invented ones go before the token
            case.headers["Authorization"] = f"Bearer {tokens[who]}"
        if isinstance(case.query, dict) and "wait" in case.query:
            case.query["wait"] = 0
        status = case.call_and_validate(checks=wanted).status_code
        assert (status == 401) == (who is None)
        sent.append(status)

    fuzz()
    assert len(sent) >= EXAMPLES
