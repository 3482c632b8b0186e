"""Test that the checks detect mutations of infra/ (mutations.toml): python -m infra.check.mutations [NUMBER …]

Each mutation is one edit that a review could miss: a typo, a lost grant, a wider role, an open door. The table shows
the check that detected it. Numbers select some mutations.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.check import provider, terraform

LIST = Path(__file__).parent / "mutations.toml"
TESTS = tuple(terraform.TESTS[name] for name in ("catalog", "platform", "choices", "recovery"))
# One operation of each kind: a plan of the complete catalog would take a quarter of a minute per mutation.
KINDS = (
    *("get_jwks", "get_order", "place_order", "delete_order", "create_wallet", "sign_message", "login_user"),
    *("claim_order", "dispatch_lane", "record_dead_letter", "sweep_outbox"),
    *("stream_events", "verify_totp", "get_balance", "refresh_token", "create_webhook", "deliver_webhooks"),
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file`, the first match of the pattern `find` is replaced with `put`. `why`: the reason if no check can
    detect it."""

    what: str
    file: str
    find: str
    put: str
    why: str = ""

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        text = path.read_text()
        changed, times = re.subn(self.find, self.put, text, count=1, flags=re.S)
        if not times or changed == text:
            raise ValueError(f"{self.what}: nothing in {self.file} matches {self.find}")
        path.write_text(changed)


def mutations() -> list[Mutation]:
    """All mutations, in the order of the file."""
    listed = tomllib.loads(LIST.read_text())
    return [Mutation(*row) for row in (*listed["caught"], *listed["uncatchable"])]


def tried(
    variables: Mapping[str, str], mutation: Mutation | None, of: Sequence[tuple[str, ...]] = TESTS
) -> str:
    """The step and message that refuse infra/ with this mutation, in these tests and the preceding checks; empty if
    all pass."""
    with terraform.copied() as folder:
        _cut(folder.parent / "schemas" / "catalog.json")
        if mutation:
            mutation.apply(folder)
        tests = (("test", *test) for test in of)
        for step in (("init", "-backend=false", "-input=false"), ("validate",), *tests):
            done = terraform.run(folder, variables, *step, "-no-color")
            if done.returncode:
                return f"{step[0]}: {_said(done.stdout)}"
    return ""


def _cut(path: Path) -> None:
    operations = json.loads(path.read_text())["operations"]
    path.write_text(json.dumps({"operations": {name: operations[name] for name in KINDS}}))


def _said(output: str) -> str:
    """The title of the first error, or its sentence for a failed assertion."""
    errors = re.split(r"\n(?=Error: )|\ntests/", output)
    first = next((part for part in errors if part.startswith("Error: ")), output)
    paragraphs = [" ".join(part.split()) for part in first.strip().split("\n\n")]
    assertion = paragraphs[0] == "Error: Test assertion failed"
    return (
        re.sub(r"^.*│ .*? (?=[A-Z])", "", paragraphs[-1])
        if assertion
        else paragraphs[0].removeprefix("Error: ")
    )


def main(arguments: Sequence[str]) -> int:
    """Returns exit status 1 if a detectable mutation was not detected, or an undetectable one was."""
    if shutil.which("terraform") is None:
        sys.stdout.write("terraform is not installed: no mutation was tried\n")
        return 0
    listed = mutations()
    chosen = [listed[int(number)] for number in arguments] or listed
    with provider.serving(provider.read_schema()) as variables, ThreadPoolExecutor(os.cpu_count()) as pool:
        sound = tried(variables, None)
        found = list(pool.map(lambda mutation: tried(variables, mutation), chosen))
    for mutation, by in zip(chosen, found, strict=True):
        said = (
            f"{by or 'NOT CAUGHT'}"
            if not mutation.why
            else f"caught after all: {by}"
            if by
            else f"- {mutation.why}"
        )
        sys.stdout.write(f"{mutation.what:52} {said}\n")
    wrong = [m.what for m, by in zip(chosen, found, strict=True) if bool(by) == bool(m.why)]
    hopeless = sum(1 for mutation in chosen if mutation.why)
    sys.stdout.write(
        f"{len(chosen) - hopeless} to be caught, {hopeless} uncatchable, not as expected: {wrong or 'none'}\n"
    )
    if sound:
        sys.stdout.write(f"infra/ as it is fails: {sound}\n")
    return int(bool(sound or wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
