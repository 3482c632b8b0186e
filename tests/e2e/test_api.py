"""Run schemathesis against the running product, stateful and beyond the limits of each schema, with and without
credentials: no 5xx, no answer that the document does not describe, no input accepted that it forbids.

`make prove PART=api` does this with API_CASES cases, which takes long. Without API_CASES only the parsing of its report
is tested; tests/emulated/functions/test_fuzz.py is the short form.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from emulators import seed
from emulators.client import Api
from emulators.demo import PASSWORD
from emulators.product import Product
from schemas.contract import generated
from shared import resources
from tests.e2e.job import FundedAccount, Node
from tests.support.fuzzing import CONFIGURATION
from tests.support.proof import SEED, figure
from tests.support.stores import STORE

CASES = int(os.environ.get("API_CASES", "0"))  # for each caller and operation; ten times as many sequences
LIMIT = 3_600  # seconds of one run, in case it hangs
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "ignored_auth", "unsupported_method",
)  # fmt: skip
# Streams do not end, and an HTTP client cannot use a WebSocket.
LEFT_OUT = ("text/event-stream", "/events/ws")
# These would end the callers' credentials for the rest of a run; the short form calls them too.
ENDING = (
    "delete_me", "logout_user", "end_sessions", "end_session", "delete_api_keys", "delete_api_key",
    "change_password",
)  # fmt: skip
CALLERS = ("nobody", "user", "operator", "key")


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.start(tmp_path_factory.mktemp("api")) as product:
        yield product


def left_out() -> list[str]:
    """The operations that are not called."""
    paths = json.loads(generated.openapi())["paths"]
    return [
        entry["operationId"]
        for path, methods in paths.items()
        for entry in methods.values()
        if any(word in path + json.dumps(entry["responses"]) for word in LEFT_OUT)
    ]


def credentials(product: Product, caller: str) -> list[str]:
    """The headers of a caller, as arguments. The caller owns one of each thing, so that calls find something."""
    if caller == "nobody":
        return []
    api, email = Api(product.url), f"{caller}-{secrets.token_hex(6)}@example.com"
    with api.http:
        if caller == "operator":
            with resources.override(fresh=True):
                seed.operator(email, PASSWORD)
            api.sign_in(email, PASSWORD)
        else:
            api.sign_up(email, PASSWORD)
        account = FundedAccount.funded(Node(product.env["RPC_URL"]))
        api.expect(201, "POST", "/wallets/import", {"name": "till", "private_key": account.key})
        if caller == "key":
            scopes = [one for one in api.get("/auth/me")["permissions"] if one != "admin:*"]
            made = api.expect(201, "POST", "/auth/api-keys", {"name": "all", "scopes": scopes})
            return ["-H", f"X-API-Key: {made['api_key']}"]
    return ["-H", f"Authorization: Bearer {api.token}"]


def run(url: str, phases: str, headers: list[str], folder: Path) -> str:
    """Run schemathesis; returns its final report."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    program = str(Path(sys.executable).parent / "schemathesis")
    cases = CASES * 10 if phases == "stateful" else CASES
    command = [program, "run", f"{url}/openapi.json", "--phases", phases,
               "--checks", ",".join(CHECKS), "--seed", str(SEED), "-n", str(cases), *headers]  # fmt: skip
    for name in [*left_out(), *(ENDING if headers else ())]:
        command += ["--exclude-operation-id", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    return done.stdout + done.stderr


def failures(said: str) -> list[str]:
    """Each kind of failure with its number, from the summary; `no summary` if there is none."""
    if "= SUMMARY =" not in said:
        return ["no summary"]
    return re.findall(r"❌ (ST\d+ .*: \d+)", said.partition("= SUMMARY =")[2]) + re.findall(r"🚫 .*", said)


def number(what: str, said: str) -> int:
    """The report's count under this name; 0 if it has none."""
    found = re.search(rf"^ *{what}: +(\d+)", said, re.MULTILINE)
    return int(found[1]) if found else 0


def whole(phases: str, said: str) -> bool:
    """Tell whether the report covers everything requested: every sequence, or every selected operation."""
    if phases == "stateful":
        return number("Scenarios", said) >= CASES * 10
    return 0 < number("Selected", said) == number("Tested", said)


def signed_in(url: str, headers: list[str]) -> bool:
    """Check that the caller is still signed in: with ended credentials, it would have tested no more than nobody."""
    api, named = Api(url), dict(one.split(": ", 1) for one in headers[1::2])
    with api.http:
        return not named or api.call("GET", "/auth/me", headers=named).status_code == 200


@pytest.mark.skipif(not CASES, reason="make prove PART=api")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing", "stateful"])
@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_fails_and_nothing_drifts(product: Product, caller: str, phases: str, tmp_path: Path) -> None:
    headers = credentials(product, caller)
    said = run(product.url, phases, headers, tmp_path)
    cases = re.search(r"(\d+) generated", said)
    tested = f"{cases[1] if cases else 0} calls of {number('Tested', said)} operations"
    figure(f"{caller}, {phases}", STORE, f"{tested}, {failures(said) or 'nothing found'}")
    assert failures(said) == [], said[-20_000:]
    assert whole(phases, said), said[-20_000:]
    assert signed_in(product.url, headers)


def test_a_summary_is_read() -> None:
    said = "= SUMMARY =\nFailures:\n  ❌ ST101 Server error: 2\nTest cases:\n  2511 generated, 2 found"
    assert failures(said) == ["ST101 Server error: 2"]
    assert failures("= SUMMARY =\nTest cases:\n  9 generated, 9 passed") == []
    assert failures("Traceback") == ["no summary"]


def test_a_report_of_less_than_all_is_seen() -> None:
    said = "API Operations:\n  Selected: 140/150\n  Tested: 140\n"
    assert whole("fuzzing", said)
    assert not whole("fuzzing", said.replace("Tested: 140", "Tested: 139"))
    assert not whole("fuzzing", "")


def test_streams_are_all_that_is_left_out() -> None:
    assert "stream_events" in left_out() and len(left_out()) <= 3
