"""Only functions of contracts pay for web3, however deep in their calls it is imported."""

from __future__ import annotations

import re

import grimp

from emulators.toolkit import ROOT

WEB3_IMPORTS = "shared.keys.web3_imports"
GROUP = "functions.contracts."


def test_only_functions_of_contracts_reach_web3() -> None:
    graph = grimp.build_graph("functions", "shared", "schemas", cache_dir=None)
    asking = {
        module
        for module in graph.find_modules_that_directly_import(WEB3_IMPORTS)
        if re.search(
            r"web3_imports\.web3\(|import web3\b", (ROOT / f"{module.replace('.', '/')}.py").read_text()
        )
    }
    assert asking == {"shared.contracts.calls", "shared.contracts.provider"}
    reaching = {found for module in asking for found in graph.find_downstream_modules(module)}
    functions = {one for one in reaching if one.startswith("functions.") and one.count(".") == 2}
    assert "functions.contracts.call_contract" in functions  # the search finds those that there are
    assert [one for one in functions if not one.startswith(GROUP)] == []


def test_nothing_goes_past_the_door() -> None:
    wrong = [
        str(path)
        for room in ("functions", "shared", "schemas")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "web3_imports.py"
        and re.search(r"^\s*(import|from) (web3|eth_account)\b", path.read_text(), re.MULTILINE)
    ]
    assert wrong == []
