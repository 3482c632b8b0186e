"""The structure: rooms of `shared/`, tests that mirror them, and the maximum length of a file or a function.

pyproject.toml (import-linter) defines which room may import which; docs/decisions/0016-rooms-in-layers.md explains it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, tracked

PRODUCT = ("shared", "functions", "schemas", "infra", "emulators", ".ci", "examples")
FILE_LINES, FUNCTION_LINES = 400, 40
LOOSE = {"shared/resources.py", "shared/settings.py"}
# Folders of tests/unit about the repository itself, and their subjects.
ABOUT = {"ci": ".ci", "imports": "shared", "model": "tests/model"}


def sources(*tops: str) -> list[str]:
    return sorted(name for name in tracked() if name.endswith(".py") and name.split("/")[0] in tops)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def test_files_are_short() -> None:
    lines = {
        name: (ROOT / name).read_text(encoding="utf-8").count("\n") for name in sources(*PRODUCT, "tests")
    }
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


def test_functions_of_the_product_are_short() -> None:
    assert {
        where: lines for name in sources(*PRODUCT) for where, lines in long_functions(name, tree(name))
    } == {}


def long_functions(name: str, module: ast.Module) -> list[tuple[str, int]]:
    """(place, lines) of each function that is too long; signature and docstring count. A function that only lists a
    row's fields may be as long as the row."""
    functions = (
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not spells_out_a_row(node)
    )
    lengths = ((f"{name}:{f.lineno} {f.name}", (f.end_lineno or f.lineno) - f.lineno + 1) for f in functions)
    return [(where, lines) for where, lines in lengths if lines > FUNCTION_LINES]


def spells_out_a_row(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether it contains only a docstring and `return Row(field=…, …)`."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    made = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    return isinstance(made, ast.Call) and not made.args and all(keyword.arg for keyword in made.keywords)


@pytest.mark.parametrize(("lines", "long"), [(40, False), (41, True)])
def test_a_long_function_is_found(lines: int, long: bool) -> None:
    text = "class A:\n    def b(self):\n" + "        pass\n" * (lines - 1)
    assert bool(long_functions("a.py", ast.parse(text))) is long


def test_only_a_row_spelt_out_may_be_longer() -> None:
    fields = ",\n".join(f"f{number}=1" for number in range(50))
    row = f"def new(self):\n    return Row(\n{fields})\n"
    assert long_functions("a.py", ast.parse(row)) == []
    assert long_functions("a.py", ast.parse(row.replace("    return", "    self.a()\n    return"))) != []


def test_packages_hold_a_docstring_only() -> None:
    """Every cold start that imports anything below an `__init__` pays for its content."""
    packages = [name for name in sources(*PRODUCT) if name.endswith("/__init__.py")]
    assert [name for name in packages if not docstring_only(tree(name))] == []


def docstring_only(module: ast.Module) -> bool:
    return bool(ast.get_docstring(module)) and len(module.body) == 1


def test_a_package_with_code_is_found() -> None:
    assert docstring_only(ast.parse('"""What it holds."""'))
    assert not docstring_only(ast.parse('"""What it holds."""\nimport os'))
    assert not docstring_only(ast.parse(""))


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {
        str(Path(name).parent) for name in sources("shared", "functions", "schemas", "infra", "emulators")
    }
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in tracked()] == []


def test_modules_of_shared_stand_in_rooms() -> None:
    loose = {name for name in sources("shared") if name.count("/") == 1} - {"shared/__init__.py"}
    assert loose == LOOSE


def test_unit_tests_mirror_the_tree() -> None:
    folders = {str(Path(name).parent.relative_to("tests/unit")) for name in sources("tests") if is_unit(name)}
    assert [folder for folder in sorted(folders) if not mirrored(folder)] == []


def is_unit(name: str) -> bool:
    return name.startswith("tests/unit/") and Path(name).name.startswith("test_")


def mirrored(folder: str) -> bool:
    """A test folder has the name of a room of `shared` or of a top-level folder, or is listed above."""
    return ABOUT.get(folder, folder) in tracked() or f"shared/{folder}" in tracked()


def test_a_folder_without_a_room_is_found() -> None:
    assert mirrored("domain") and mirrored("infra") and not mirrored("desk_rules") and not mirrored("utils")
