"""Fuzz every route as every caller: no 5xx, and no answer that the OpenAPI document does not describe.

`make prove PART=api` sends more, and sequences of dependent calls (tests/e2e/test_api.py).
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emulators.gateway import make_app
from schemas.contract.openapi import document
from shared import resources
from shared.runtime import operation
from shared.settings import load
from shared.store.sqlite import database as sqlite
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.fuzzing import CONFIGURATION
from tests.support.inprocess import App
from tests.support.stores import copy_of

EXAMPLES = int(os.environ.get("EXAMPLES", "4"))
ROUTES = sorted(
    (trigger.method, trigger.path)
    for entry in operation.catalog().values()
    for trigger in entry.https
    if trigger.media != operation.EVENT_STREAM  # it would not end
)
CALLERS = ("user", "admin", "operator", "service", "key", None, "invented")


@dataclass
class World:
    """One database for all routes, with one of each kind of thing that a user owns."""

    app: App
    schema: Any
    headers: dict[str | None, dict[str, str]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def people(self, user: str) -> None:
        for role in ("user", "admin", "operator", "service"):
            self.headers[role] = {"Authorization": f"Bearer {self.app.token(user, role)}"}
        scopes = ["order:read", "order:write", "claim:read", "wallet:read", "transaction:read", "supply:read"]
        made = self.app.ok(201, "POST", "/auth/api-keys", {"name": "all", "scopes": scopes}, user=user)
        self.headers |= {"key": {"X-API-Key": made["api_key"]}, None: {}}
        self.headers["invented"] = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}


@pytest.fixture(scope="module")
def world(
    template: Path, tmp_path_factory: pytest.TempPathFactory, emulators: Mapping[str, str]
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("fuzz")
    database = sqlite.connect(copy_of(template, folder / "store.sqlite"), durability="OFF")
    chosen = replace(load(), state_dir=str(folder), push_token="push-token", cache_database="(default)")
    published = Recorder()
    with resources.override(fresh=True, settings=chosen, database=database, publisher=published):
        made = World(App(), _schema())
        _furnished(made, Desk(made.app, published, emulators["RPC_URL"]))
        yield made
    database.file.close()


def _schema() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis
        from schemathesis.config import SchemathesisConfig

        app = make_app()
        app.add_url_rule("/fuzzed.json", view_func=lambda: document(operation.catalog()))
        chosen = SchemathesisConfig.from_str(CONFIGURATION)
        return schemathesis.openapi.from_wsgi("/fuzzed.json", app, config=chosen)


def _furnished(world: World, desk: Desk) -> None:
    body = {"email": f"{secrets.token_hex(4)}@example.com", "password": "correct horse battery staple"}
    user = world.app.ok(201, "POST", "/auth/register", body)["id"]
    world.people(user)
    wallet = desk.imported(user, ether=10)
    supply = desk.supply(user, "2")
    order = desk.order(user, "0.1")
    payment = {"wallet_id": wallet, "to": "0x" + "11" * 20, "value": "1"}
    world.known = {
        "wallet_id": wallet,
        "supply_id": supply["id"],
        "order_id": order["id"],
        "claim_id": desk.claimed(desk.claimer(), order["id"])["id"],
        "transaction_id": desk.app.ok(202, "POST", "/transactions", payment, user=user)["id"],
        "id": user,
        "chain": "local",
    }


def cases(endpoint: Any) -> st.SearchStrategy[Any]:
    """Generate values that fit the schema, and values that do not, if the schema excludes any."""
    from schemathesis import GenerationMode

    right = endpoint.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = endpoint.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    has_schema = endpoint.body or endpoint.query or endpoint.path_parameters
    return st.one_of(right, wrong) if has_schema else right


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{m} {p}" for m, p in ROUTES])
def test_every_answer_is_described(world: World, method: str, path: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
        checks.negative_data_rejection,
    ]
    endpoint, sent = world.schema[path][method], []
    public = endpoint.definition.raw.get("security") == []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(endpoint), who=st.sampled_from(CALLERS), real=st.sampled_from([True, True, False]))
    def fuzz(case: Any, who: str | None, real: bool) -> None:
        if real and isinstance(case.path_parameters, dict):
            for name in case.path_parameters.keys() & world.known.keys():
                case.path_parameters[name] = world.known[name]
        for name in ("Authorization", "X-API-Key"):
            case.headers.pop(name, None)  # invented credentials
        case.headers.update(world.headers[who])
        if isinstance(case.query, dict) and "wait" in case.query:
            case.query["wait"] = 0
        status = case.call_and_validate(checks=wanted).status_code
        sent.append(status)
        if who in (None, "invented") and not public:
            assert status == 401

    fuzz()
    assert len(sent) >= min(EXAMPLES, 2)
