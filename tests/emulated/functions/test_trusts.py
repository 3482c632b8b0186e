"""A service of each trust, alone, as production deploys it: it serves its operations and no others, and needs only what
its declarations name. Everything else leads nowhere here."""

from __future__ import annotations

from typing import Any

import pytest

from emulators import process
from shared.runtime import operation, trust
from shared.runtime.operation import Operation
from tests.emulated.functions.conftest import Functions, Service, wait
from tests.emulated.functions.test_alone import DEAD, code

# The variables of each need; a need that a service does not declare points to a dead address.
REACHED_BY = {
    "pubsub": {"PUBSUB_EMULATOR_HOST": DEAD},
    "cache": {"FIRESTORE_EMULATOR_HOST": DEAD},
    "chain": {"RPC_URL": f"http://{DEAD}"},
    "mail": {"SMTP_URL": f"smtp://{DEAD}"},
}


@pytest.fixture(scope="module", params=trust.TRUSTS)
def alone(request: pytest.FixtureRequest, functions: Functions) -> Any:
    members = operation.trusted(request.param)
    needs = {need for entry in members.values() for need in entry.needs}
    # Firestore counts the rate limits of people's calls, with or without a cache.
    without = [
        need for need in REACHED_BY if need not in needs and not (need == "cache" and _exposed(members))
    ]
    nowhere = {name: value for need in without for name, value in REACHED_BY[need].items()}
    service = functions.spawn(f"trust_{request.param}", f"trust-{request.param}", **nowhere)
    try:
        wait(service)
        yield service, members, needs
    finally:
        process.stop([service.child])


def _exposed(members: dict[str, Operation]) -> bool:
    return any(entry.https for entry in members.values())


def test_it_is_ready_with_what_its_operations_declare_and_nothing_else(alone: Any) -> None:
    service, _, needs = alone
    ready = service.call("GET", "/ready", timeout=20.0)
    assert (ready.status_code, set(ready.json()["dependencies"])) == (200, needs), ready.text


def test_it_serves_every_route_of_its_operations(alone: Any, functions: Functions) -> None:
    service, members, _ = alone
    for entry in members.values():
        for trigger in entry.https:
            answer = _asked(service, trigger.method, trigger.path)
            assert answer.status_code != 405, (trigger.method, trigger.path, answer.text)
            # A public route may be found, although the thing it names does not exist.
            assert "no such route" not in answer.text, (trigger.method, trigger.path)
            found = trigger.permission == operation.PUBLIC or answer.status_code != 404
            assert found, (trigger.method, trigger.path, answer.text)
            assert answer.status_code < 500, (trigger.method, trigger.path, answer.text)


def test_it_serves_nothing_of_the_others(alone: Any, functions: Functions) -> None:
    service, members, _ = alone
    own = {(t.method, t.path) for entry in members.values() for t in entry.https}
    for name, entry in operation.catalog().items():
        if name in members:
            continue
        for trigger in entry.https:
            if (trigger.method, trigger.path) not in own:
                answer = _asked(service, trigger.method, trigger.path)
                assert answer.status_code in (401, 404, 405), (trigger.method, trigger.path, answer.text)
                assert answer.status_code != 401 or _shadowed(members, trigger.path), (name, answer.text)
        if entry.messages or entry.schedules:
            for path in (f"/push/{name}", f"/schedule/{name}"):
                answer = service.call("POST", f"{path}?token={functions.push_token}", json={})
                assert (answer.status_code, code(answer)) == (404, "NOT_FOUND"), path


def _shadowed(members: dict[str, Operation], path: str) -> bool:
    """`/claims/next` also matches the route of a claim's id, if a service does not serve it."""
    plain = path.replace("{", "").replace("}", "")
    return any(trigger.pattern.match(plain) for entry in members.values() for trigger in entry.https)


def test_pushes_and_schedules_reach_their_operation_with_the_token_only(
    alone: Any, functions: Functions
) -> None:
    service, members, _ = alone
    for name, entry in members.items():
        if entry.messages:
            path = f"/push/{name}"
            assert service.call("POST", f"{path}?token=wrong", json={}).status_code == 401
            answer = service.call("POST", f"{path}?token={functions.push_token}", json={})
            assert (answer.status_code, code(answer)) == (422, "UNREADABLE_EVENT")
    once = [n for n, e in members.items() if e.schedules and e.schedules[0].seconds >= 60]
    for name in once:
        assert service.call("POST", f"/schedule/{name}?token=wrong").status_code == 401
        answer = service.call("POST", f"/schedule/{name}?token={functions.push_token}")
        assert answer.status_code == 204, answer.text


def _asked(service: Service, method: str, path: str) -> Any:
    """Call without a credential: an existing route answers 401, a public one another status below 500."""
    plain = path.replace("{", "").replace("}", "")
    return service.call(method, plain, json={} if method in ("POST", "PUT", "PATCH") else None)
