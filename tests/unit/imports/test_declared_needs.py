"""An operation's declared needs equal its actual ones: a deployment's rights are made from the declarations alone."""

from __future__ import annotations

import re

import pytest

from emulators.toolkit import ROOT
from shared.runtime import operation
from shared.runtime.context import Context, Rights, deadline_in, running
from shared.writes import commit


@pytest.mark.parametrize(
    ("need", "helper"), [("issuer", r"\b(sign_in|console_session)\."), ("mail", r"\bmails\.")]
)
def test_who_issues_tokens_or_sends_mail_says_so(need: str, helper: str) -> None:
    found = {
        name
        for name, entry in operation.catalog().items()
        if re.search(helper, (ROOT / f"{entry.module.replace('.', '/')}.py").read_text())
    }
    assert found == {name for name, entry in operation.catalog().items() if need in entry.needs}


def test_only_what_says_so_can_commit() -> None:
    context = Context("reader", "req_1", deadline_in(1), Rights(writes=False))
    with running(context), pytest.raises(AssertionError, match="reader commits"):
        commit.commit(lambda unit: None)


def test_an_operation_with_a_message_or_a_schedule_writes() -> None:
    for entry in operation.catalog().values():
        if entry.messages or entry.schedules:
            assert entry.writes


def test_an_answer_is_shared_only_when_anybody_may_get_it() -> None:
    for method, permission in (("POST", operation.PUBLIC), ("GET", "order:read")):
        with pytest.raises(ValueError, match="anybody may GET"):
            operation.http(method, "/x", permission=permission, shared=True)
