"""The checks of documents find each of these errors, which would mislead a reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, Page
from tests.unit.docs.test_commands import problem as command_problem
from tests.unit.docs.test_links import broken
from tests.unit.docs.test_names import problem as name_problem

WRONG = [
    "shared/nothing.py", "nothing_like_it.py", "docs/decisions/0099-nothing.md", "make nothing", "make test FOO=1",
    "python -m shared.ops.rotate_master_key explode", "python -m shared.nothing", "NO_SUCH_VARIABLE", "order.exploded",
    "GET /nothing", "DELETE /orders", "/auth/nothing", "POST /orders/{order_id}/claim",
    "unit.latest(obj)",
]  # fmt: skip
RIGHT = [
    "shared/writes/commit.py", "commit.py", "schemas/spanner/NNNN_name.sql", "make test", "make bench PART=claims",
    "python -m shared.ops.rotate_master_key rotate", "ORDER_ALREADY_CLAIMED", "KMS_KEY=…", "order.claimed",
    "claim.claim|next",
    "GET /orders/{id}", "POST /auth/login", "/auth/refresh", "unit.now",
    "unit.on_conflict(refusal)", "python -m emulators demo --claimers 10",
]  # fmt: skip


@pytest.mark.parametrize("code", WRONG)
def test_wrong_names_are_found(code: str) -> None:
    assert name_problem(code)


@pytest.mark.parametrize("code", RIGHT)
def test_right_names_pass(code: str) -> None:
    assert name_problem(code) is None


@pytest.mark.parametrize(
    ("fence", "command", "wrong"),
    [
        ("sh", "rm -rf x", True),
        ("sh", "gcloud run deploy", True),
        ("sh cloud", "gcloud run deploy", False),
        ("sh cloud", "rm -rf x", True),
        ("sh cloud", "make nothing", True),
        ("sh cloud", "terraform apply -var=granularity=group -target=google_spanner_instance.wallet", False),
        ("sh cloud", "terraform apply -var=granularty=group", True),
        ("sh cloud", "terraform apply -target=google_spanner_instance.nothing", True),
        ("sh cloud", "curl -s -X POST $API/claims/$CLAIM/process", False),
        ("sh cloud", "curl -s $API/claims/$CLAIM/process", True),
        ("sh cloud", 'curl -s "$API/nothing?limit=1"', True),
        ("sh", "make test TESTS=tests/unit", False),
        ("sh", "GOOGLE_CLOUD_PROJECT=x .venv/bin/python -m schemas.database.migrate", False),
        ("sh", ".venv/bin/python -m schemas.migrat", True),
        ("sh", ".venv/bin/python -m shared.domain.money", True),
        ("sh", ".venv/bin/python examples/place_and_claim.py x", False),
        ("sh", ".venv/bin/python examples/place_and_clam.py x", True),
    ],
)
def test_commands_are_told_apart(tmp_path: Path, fence: str, command: str, wrong: bool) -> None:
    page = made(tmp_path, f"```{fence}\n{command}\n```\n")
    (block,) = page.fences()
    (line,) = block.commands()
    assert bool(command_problem(Page(ROOT / "docs" / "custody.md"), block, line)) is wrong


@pytest.mark.parametrize("target", ["nowhere.md", "#nope", "http://x.example", "../../outside.md"])
def test_broken_links_are_found(tmp_path: Path, target: str) -> None:
    assert len(broken(made(tmp_path, f"# Here\n[a]({target})\n"))) == 1


@pytest.mark.parametrize("target", ["#here-we-are", "#here-we-are-1", "https://x.example"])
def test_good_links_pass(tmp_path: Path, target: str) -> None:
    assert broken(made(tmp_path, f"# Here we are\n[a]({target})\n## Here, we are!\n")) == []


def made(folder: Path, text: str) -> Page:
    """A page as if it were in the repository."""
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return Page(path)
