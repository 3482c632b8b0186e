"""The rollout against a gcloud that records and fails: nothing of a failed release stays, or the rollout reports it
loudly.

Each single call fails once. The caller is killed at every 26th call; `EVERY=1` (in `make prove`) does at every other.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from emulators.toolkit import ROOT
from infra.rollout import closure
from infra.rollout import cloud as rollout_cloud
from infra.rollout import command as rollout_command
from infra.rollout.cloud import Cloud
from infra.rollout.gate import Limits, Seen, judge
from tests.unit.infra.clouds import IMAGE, REGIONS, RELEASE, SERVICES, FakeCloud, answered, install, serving

EVERY = int(os.environ.get("EVERY", "13"))
pytestmark = pytest.mark.timeout(240 if EVERY > 1 else 900)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    install(tmp_path)
    made = FakeCloud(tmp_path / "world.json")
    made.start()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_GCLOUD", str(made.file))
    monkeypatch.setenv("CANARY_SECRET", "secret")
    monkeypatch.setattr(rollout_cloud, "subprocess", SimpleNamespace(run=answered))
    with serving(made):
        yield made


def run(cloud: FakeCloud, command: str = "run", *more: str) -> int:
    before = signal.getsignal(signal.SIGTERM)
    try:
        return rollout_command.main(cloud.arguments(command, *more))
    finally:
        signal.signal(signal.SIGTERM, before)


def sends(cloud: FakeCloud) -> list[tuple[str, str, int]]:
    """(region, service, share of the new revision) in the order of the calls."""
    words = [line.split() for line in cloud.calls if "update-traffic" in line]
    shares = [dict(part.split("=") for part in w[w.index("--to-revisions") + 1].split(",")) for w in words]
    new = [sum(int(share) for name, share in each.items() if name.endswith("-new")) for each in shares]
    return [(w[w.index("--region") + 1], w[3], share) for w, share in zip(words, new, strict=True)]


def test_a_healthy_release_reaches_every_region_step_by_step(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_cloud, "subprocess", subprocess)  # gcloud is a program on PATH
    assert run(cloud) == rollout_command.DONE
    assert cloud.everywhere("new")
    wanted = [
        (region, service, share) for region in REGIONS for share in (5, 25, 100) for service in SERVICES
    ]
    assert sends(cloud) == wanted
    deploys = [line for line in cloud.calls if line.startswith("run deploy")]
    assert len(deploys) == len(SERVICES) * len(REGIONS)
    assert all(f"--image {IMAGE} --no-traffic --tag canary" in line for line in deploys)
    assert "/api/v1/orders/order_id" in cloud.asked


def test_what_did_not_change_is_left_alone(cloud: FakeCloud) -> None:
    assert run(cloud) == rollout_command.DONE
    calls = len(cloud.calls)
    assert run(cloud) == rollout_command.DONE
    assert all(" list " in line for line in cloud.calls[calls:])


def test_new_settings_are_rolled_out_without_new_code(cloud: FakeCloud) -> None:
    assert run(cloud) == rollout_command.DONE
    again = [argument if argument != RELEASE else "1a2b3c4-2" for argument in cloud.arguments("run", "--all")]
    assert rollout_command.main(again) == rollout_command.DONE
    assert sum(line.startswith("run deploy") for line in cloud.calls) == 2 * len(SERVICES) * len(REGIONS)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"ready": 503}, "/ready answers 503"),
        ({"route": 500}, "GET /api/v1/orders/order_id answers 500"),
        ({"revision": "get-order-00001-old"}, "the canary host leads to get-order-00001-old"),
    ],
)
def test_a_failed_smoke_test_sends_no_request_to_the_new_revisions(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str], broken: dict[str, object], said: str
) -> None:
    for name, value in broken.items():
        setattr(cloud, name, value)
    assert run(cloud) == rollout_command.FAILED
    assert said in capsys.readouterr().out
    assert sends(cloud) == []
    assert cloud.everywhere("old")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("share", [5, 25, 100])
def test_a_canary_that_fails_takes_every_region_back(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str], region: str, share: int
) -> None:
    cloud.bad_from = {region: share}
    assert run(cloud) == rollout_command.FAILED
    assert cloud.everywhere("old")
    out = capsys.readouterr().out
    assert f"get-order in {region}: 50 of 100 requests failed" in out
    assert out.endswith("everything is as before\n")
    assert max(s for r, _, s in sends(cloud) if r == region) == share


def test_a_slow_canary_is_taken_back(cloud: FakeCloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.new_counts = (100.0, 0.0, 900.0)
    assert run(cloud) == rollout_command.FAILED
    assert "p95 is 900 ms, 500 ms would pass" in capsys.readouterr().out
    assert cloud.everywhere("old")


def test_what_monitoring_does_not_tell_is_not_healthy(cloud: FakeCloud) -> None:
    cloud.monitoring = 500
    assert run(cloud) == rollout_command.FAILED
    assert cloud.everywhere("old")


def test_a_revision_that_does_not_start_gets_no_request(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.change("us-central1/get-order", sick=True)
    assert run(cloud) == rollout_command.FAILED
    assert "not ready after the deployment: get-order in us-central1" in capsys.readouterr().out
    assert cloud.everywhere("old")


def test_a_rollback_that_fails_says_what_is_where(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.bad_from = {"us-central1": 25}
    cloud.inject(
        "update-traffic get-order --region asia-east1 --to-revisions get-order-00001-old=100", times=99
    )
    assert run(cloud) == rollout_command.STUCK
    out = capsys.readouterr().out
    assert "ROLLBACK FAILED" in out
    assert "get-order in asia-east1: 100 % to get-order-00002-new, wanted all to get-order-00001-old" in out
    left = {place: shares for place, shares in cloud.traffic().items() if shares != {"old": 100}}
    assert left == {"asia-east1/get-order": {"new": 100}}
    cloud.calm()
    assert run(cloud, "rollback") == rollout_command.DONE  # by hand, later
    assert cloud.everywhere("old")


def test_a_rollback_whose_region_cannot_be_read_goes_by_what_was_sent(cloud: FakeCloud) -> None:
    cloud.bad_from = {"us-central1": 5}
    forward = len(SERVICES) * len(REGIONS) * 2 + 8  # after deployment and both looks
    cloud.inject(" list ", after=forward, times=99)
    assert run(cloud) == rollout_command.FAILED
    assert cloud.everywhere("old")


def clean_calls(cloud: FakeCloud, counted: list[int] = []) -> int:  # noqa: B006 - counted once
    """The calls of a rollout without faults."""
    if not counted:
        assert run(cloud) == rollout_command.DONE
        counted.append(len(cloud.calls))
    return counted[0]


@pytest.mark.parametrize("how", ["fail", "late"])
def test_a_failure_at_any_call_leaves_everything_as_before(cloud: FakeCloud, how: str) -> None:
    ended = {rollout_command.DONE: "new", rollout_command.FAILED: "old"}
    for call in range(clean_calls(cloud)):
        cloud.start()
        cloud.inject("", how, after=call)
        status = run(cloud)
        assert status == rollout_command.FAILED or (how == "late" and status == rollout_command.DONE), call
        assert cloud.everywhere(ended[status]), (call, cloud.traffic())


def test_one_failure_at_any_call_is_repeated(cloud: FakeCloud) -> None:
    for call in range(clean_calls(cloud)):
        cloud.start()
        cloud.inject("", after=call, times=1)
        assert run(cloud) == rollout_command.DONE, call
        assert cloud.everywhere("new")


@pytest.mark.parametrize("then", ["run", "rollback"])
def test_a_rollout_that_is_killed_is_finished_or_taken_back_by_another(cloud: FakeCloud, then: str) -> None:
    for call in range(4, clean_calls(cloud), 2 * EVERY):
        cloud.start()
        cloud.inject("", "kill", after=call, times=1)
        command = [sys.executable, "-m", "infra.rollout", *cloud.arguments()]
        killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        cloud.calm()
        assert run(cloud, then) == rollout_command.DONE, call
        assert cloud.everywhere("new" if then == "run" else "old"), (call, cloud.traffic())


def test_a_build_that_is_stopped_takes_its_release_back(cloud: FakeCloud) -> None:
    command = [sys.executable, "-m", "infra.rollout", *cloud.arguments("run", "--bake", "60")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = next(line for line in child.stdout if "5 % to" in line)
        while len(sends(cloud)) < len(SERVICES):
            assert child.poll() is None, line
        child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
    assert child.returncode == rollout_command.FAILED, rest
    assert "FAILED: KeyboardInterrupt" in rest
    assert cloud.everywhere("old")


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("roles/run.developer", "not begun"),
        ("roles/iam.serviceAccountUser", "run deploy"),
        ("roles/iam.serviceAccountOpenIdTokenCreator", "auth print-identity-token"),
    ],
)
def test_without_a_role_of_its_account_nothing_moves(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str], role: str, said: str
) -> None:
    world = cloud.read()
    assert role in world["roles"], "infra/delivery.tf does not give it"
    cloud.write({**world, "roles": [each for each in world["roles"] if each != role]})
    assert run(cloud) == rollout_command.FAILED
    out = capsys.readouterr().out
    assert f"{role} is missing" in out
    assert said in out
    assert cloud.everywhere("old")


def test_a_minute_s_quota_of_writes_is_waited_for(cloud: FakeCloud) -> None:
    cloud.write({**cloud.read(), "quota": {"minute": 3, "left": 3, "refusals": 2}})
    assert run(cloud) == rollout_command.DONE
    assert cloud.everywhere("new")


def test_schedules_and_pushes_of_a_new_revision_are_tried_as_google_would(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Cloud, "caller_token", lambda self, audience: "of somebody else")
    assert run(cloud) == rollout_command.FAILED
    assert "POST /schedule/sweep_outbox as Google answers 401" in capsys.readouterr().out
    assert cloud.everywhere("old")


def test_a_new_revision_gets_requests_of_our_own_before_each_look(cloud: FakeCloud) -> None:
    assert run(cloud, "run", "--synthetic", "5") == rollout_command.DONE
    places = len(SERVICES) * len(REGIONS)
    assert cloud.asked.count("/ready") == places * (1 + 3 * 5)  # the smoke test, then three steps


def test_a_plan_changes_nothing(cloud: FakeCloud, capsys: pytest.CaptureFixture[str]) -> None:
    before = cloud.read()["services"]
    assert run(cloud, "plan") == rollout_command.DONE
    assert cloud.read()["services"] == before
    assert "get-order in asia-east1: to be deployed; before: get-order-00001-old" in capsys.readouterr().out


def test_a_split_that_somebody_made_is_not_touched(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.change("asia-east1/get-order", traffic={"get-order-00001-old": 60, "get-order-00000-older": 40})
    assert run(cloud) == rollout_command.FAILED
    assert "is split between get-order-00000-older and get-order-00001-old" in capsys.readouterr().out
    assert all(" list " in line for line in cloud.calls)


def test_a_service_that_terraform_has_not_made_is_named(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.start(services=("get-order",))
    assert run(cloud) == rollout_command.FAILED
    assert "sweep-outbox in asia-east1 is not there: Terraform makes the services" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({IMAGE: "wallet:latest"}, "name it by its digest"),
        ({RELEASE: "Not A Label"}, "as a label may have"),
        ({"get-order,sweep-outbox": "get-order,nothing"}, "--only nothing"),
    ],
)
def test_wrong_usage_is_refused(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str], changed: dict[str, str], said: str
) -> None:
    assert (
        rollout_command.main([changed.get(each, each) for each in cloud.arguments()]) == rollout_command.USAGE
    )
    assert said in capsys.readouterr().err
    assert cloud.calls == []


@pytest.mark.parametrize(
    ("now", "before", "passes"),
    [
        (Seen(0, 0, 0), Seen(1000, 0, 50), True),
        (Seen(3, 1, 50), Seen(1000, 0, 50), True),  # a single error decides nothing
        (Seen(3, 2, 50), Seen(1000, 0, 50), False),
        (Seen(1000, 10, 50), Seen(1000, 0, 50), True),
        (Seen(1000, 11, 50), Seen(1000, 0, 50), False),
        (Seen(1000, 90, 50), Seen(1000, 50, 50), True),  # the previous one was no better
        (Seen(1000, 0, 899), Seen(1000, 0, 600), True),
        (Seen(1000, 0, 901), Seen(1000, 0, 600), False),
        (Seen(5, 0, 5000), Seen(1000, 0, 50), True),  # too few for a latency verdict
    ],
)
def test_what_the_gate_lets_through(now: Seen, before: Seen, passes: bool) -> None:
    assert (judge(now, before, Limits()) is None) is passes


def test_a_closure_holds_what_an_operation_needs_and_no_other_operation() -> None:
    found = closure.closure("functions.orders.get_order")
    assert {
        "functions/orders/get_order.py",
        "shared/triggers/flask_app.py",
        "shared/store/spanner/database.py",
    } <= found
    assert {file for file in found if file.startswith("functions/") and file.count("/") == 2} == {
        "functions/orders/get_order.py",
        "functions/orders/__init__.py",
    }
    assert "schemas/openapi.json" in closure.closure("functions.site.get_openapi")
    assert "schemas/openapi.json" not in found
    assert "shared/identity/breached.txt" in closure.closure("functions.auth.register_user")
