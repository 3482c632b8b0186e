"""Every command in a document is run by a test, exists in the repository, or is marked as needing a cloud.

A block that needs a project of Google Cloud begins with ```sh cloud. The blocks of the pages in RUN are run, in order,
against a running product (tests/e2e/test_documents.py). All other shell blocks may contain only commands that `problem`
knows. An unknown command is a failure, so that no document shows an untested command.
"""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.commands import (
    api_problem,
    example_problem,
    make_problem,
    python_problem,
    terraform_problem,
    variables_problem,
)
from tests.unit.docs.pages import Fence, Page, pages

RUN = frozenset({"docs/api.md"})
GRPC = "docs/grpc.md"  # run by tests/emulated/rpc/test_document.py
EXAMPLE = "docs/adding_an_operation.md"  # its calls are run, too
# The additional tools that a block for the cloud may use, and the shell's own words.
CLOUD_TOOLS = frozenset(
    {
        "gcloud",
        "terraform",
        "kubectl",
        "curl",
        "docker",
        "openssl",
        "printf",
        "export",
        "cd",
        "cp",
        "dig",
        "jq",
    }
)
INSTALLATION = re.compile(
    r"python3 -m venv build/shop|build/shop/bin/pip install build/clients/\S+"
    r"|mkdir -p build/shop-ts|npm install --prefix build/shop-ts build/clients/\S+"
)
LANGUAGES = frozenset(
    {"sh", "python", "json", "text", "mermaid", "sql", "hcl", "yaml", "promql", "http", "ts"}
)


# Patterns of commands and their checks; those of the second group apply only to blocks for the cloud.
KNOWN = {
    r"^make ": make_problem,
    r"(^|\s)((\.venv|build/shop)/bin/)?python3? examples/": example_problem,
    r"(^|[\s(])(\.venv/bin/)?python3? -m ": python_problem,
}
CLOUDS = {r"\$API/": api_problem, r"^terraform ": terraform_problem}


def problem(page: Page, fence: Fence, command: str) -> str | None:
    """Describe what is wrong with a command, or return None."""
    if page.name.startswith(("clients/", "examples/")) and INSTALLATION.fullmatch(command):
        return None  # tests/e2e/test_clients.py installs the packages, in folders of its own
    if page.name == GRPC and not fence.cloud:
        return None  # run by tests/emulated/rpc/test_document.py
    if page.name in RUN or (page.name == EXAMPLE and command.startswith("api ")):
        return None  # run by tests/e2e/test_documents.py
    plain = re.sub(r"^([A-Z_]+=(\"[^\"]*\"|\S*)\s+)+", "", command)
    for pattern, look in (KNOWN | CLOUDS if fence.cloud else KNOWN).items():
        if re.search(pattern, plain):
            return look(plain)
    if fence.cloud and (plain.split()[0] in CLOUD_TOOLS or re.fullmatch(r"[A-Z_]+=.*", command)):
        return None
    return "nobody runs this: let a test do it, or mark the block as ```sh cloud"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_commands_are_tried_or_marked(page: Page) -> None:
    problems = [
        f"{page.name}:{fence.line}: {command}: {said}"
        for fence in page.fences()
        if fence.shell
        for command in fence.commands()
        if (said := problem(page, fence, command))
    ]
    assert problems == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_commands_have_no_comments(page: Page) -> None:
    """In zsh, typed or pasted comments would be arguments, and an apostrophe in one would wait for its closing
    quote."""
    found = [
        f"{page.name}:{fence.line}: {line}"
        for fence in page.fences()
        if fence.shell
        for line in fence.text.splitlines()
        if re.search(r"(^|\s)#", line)
    ]
    assert found == []


def test_terraforms_variables_exist() -> None:
    blocks = [fence for page in pages() for fence in page.fences() if fence.info[:1] == ("hcl",)]
    assert blocks and [said for fence in blocks if (said := variables_problem(fence.text))] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_blocks_say_what_they_are(page: Page) -> None:
    unknown = [f"{page.name}:{f.line}" for f in page.fences() if not f.info or f.info[0] not in LANGUAGES]
    assert unknown == []
