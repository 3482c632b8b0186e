"""Terraform's own checks can fail: they catch mutations of infra/. This test makes a few, which the first of
Terraform's tests catches; `make prove PART=terraform` makes all, with all tests. `make check` also runs the tests
without a mutation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from infra.check import mutations, provider, terraform
from shared.runtime import operation, trust

pytestmark = [
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed"),
    pytest.mark.timeout(1500),
]
FEW = {"open ingress", "readers may write", "typo in an argument"}
ALL = os.environ.get("MUTATIONS") == "all"
CHOSEN = [m for m in mutations.mutations() if ALL or m.what in FEW]
TESTS = mutations.TESTS if ALL else mutations.TESTS[:1]  # each takes half a minute
REQUIRED = ("project", "environment", "domain", "dns_zone", "image")


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    with provider.serving(provider.read_schema()) as found:
        yield found


def test_the_cut_catalog_passes_as_it_is(variables: dict[str, str]) -> None:
    assert mutations.tried(variables, None, TESTS) == ""


@pytest.mark.parametrize("mutation", CHOSEN, ids=[mutation.what for mutation in CHOSEN])
def test_a_mutation_is_caught_unless_it_is_named_uncatchable(
    variables: dict[str, str], mutation: mutations.Mutation
) -> None:
    by = mutations.tried(variables, mutation, TESTS)
    print(f"{mutation.what:50} {by or mutation.why}")
    assert bool(by) != bool(mutation.why), by


def test_there_are_enough_mutations_and_each_has_a_place() -> None:
    caught = [mutation for mutation in mutations.mutations() if not mutation.why]
    assert len(caught) >= 20
    assert len({mutation.what for mutation in mutations.mutations()}) == len(mutations.mutations())
    with terraform.copied() as folder:
        for mutation in mutations.mutations():
            before = (folder / mutation.file).read_text()
            mutation.apply(folder)
            (folder / mutation.file).write_text(before)


def test_the_cut_catalog_has_an_operation_of_each_trust() -> None:
    catalog = operation.catalog()
    assert {catalog[name].trust for name in mutations.KINDS} == set(trust.TRUSTS)


def test_missing_variables_are_named(variables: dict[str, str]) -> None:
    with terraform.copied() as folder:
        (folder / "local_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        assert terraform.run(folder, variables, "init", "-input=false", "-no-color").returncode == 0
        done = terraform.run(folder, variables, "plan", "-input=false", "-no-color")
    assert done.returncode == 1
    for name in REQUIRED:
        assert f'The root module input variable "{name}" is not set' in " ".join(done.stdout.split()), (
            done.stdout
        )


def test_the_committed_schema_has_all_that_infra_uses() -> None:
    from infra.check.extract import used

    schema = provider.read_schema()
    assert used() <= set(schema["resource"]) | set(schema["data"]), "run python -m infra.check.extract"
