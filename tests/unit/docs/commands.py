"""Check without running it that a command in a document works here."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from itertools import pairwise

from shared.triggers.readiness import PROBES
from tests.unit.docs.pages import ROOT, tracked

# Modules of other projects: this check does not know their options.
FOREIGN = frozenset({"venv", "pip", "pytest", "functions_framework", "piptools", "json.tool", "http.server"})


def make_problem(command: str) -> str | None:
    """`make target VARIABLE=…`: the Makefile has the target and its variables."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in shlex.split(command.replace("…", "x"))[1:]:
        name, given, _ = word.partition("=")
        if given and not re.search(rf"\b{name}\b", makefile):
            return f"the Makefile knows no {name}"
        if not given and not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            return f"the Makefile has no target {word}"
    return None


def python_problem(command: str) -> str | None:
    """`python -m module word --option`: the module can run, and its source has each word and option."""
    rest = command.partition(" -m ")[2]
    module, *given = re.split(r"\s+", re.split(r"[`,;|&)]|\s>", rest)[0].strip())
    if module in FOREIGN:
        return None
    text = _module(module)
    if text is None:
        return f"there is no module {module}"
    if f"{module.replace('.', '/')}/__main__.py" not in tracked() and '__name__ == "__main__"' not in text:
        return f"{module} is no command"
    values = {word for option, word in pairwise(given) if option.startswith("--")}
    asked = [word for word in given if re.fullmatch(r"--[\w-]+|[a-z][a-z_-]+", word) and word not in values]
    missing = [word for word in asked if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
    return f"{module} does not know {', '.join(missing)}" if missing else None


def example_problem(command: str) -> str | None:
    """`python examples/name.py`: the file exists; tests/e2e/test_examples.py runs each."""
    path = re.search(r"examples/\S+", command)[0]  # type: ignore[index]
    return None if path in tracked() else f"there is no {path}"


def api_problem(command: str) -> str | None:
    """`curl -X METHOD $API/path/$ID?query`: the API has the route, and its method."""
    path = re.sub(r"\$\w+", "{}", re.search(r"\$API(/[^\s\"'?]*)", command)[1])  # type: ignore[index]
    method = re.search(r"-X ([A-Z]+)", command)
    given = method[1] if method else "POST" if " -d " in command else "GET"
    methods = routes().get(f"/api/v1{path}")
    return None if methods and given in methods else f"the API has no {given} {path}"


def terraform_problem(command: str) -> str | None:
    """`terraform … -target=type.name -var=name=value`: infra/ has the resource and the variable."""
    resources = [target.split(".") for target in re.findall(r"-target=(\w+\.\w+)", command)]
    missing = [
        ".".join(pair) for pair in resources if f'resource "{pair[0]}" "{pair[1]}"' not in _terraform()
    ]
    missing += [
        name for name in re.findall(r"-var=(\w+)=", command) if f'variable "{name}"' not in _terraform()
    ]
    return f"infra/ has no {', '.join(missing)}" if missing else None


def variables_problem(text: str) -> str | None:
    """A block of Terraform variables: infra/ knows each."""
    missing = [
        name
        for name in re.findall(r"^(\w+) *=", text, re.MULTILINE)
        if f'variable "{name}"' not in _terraform()
    ]
    return f"infra/ has no variable {', '.join(missing)}" if missing else None


@cache
def _terraform() -> str:
    files = (name for name in sorted(tracked()) if re.fullmatch(r"infra/[^/]+\.tf", name))
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)


@cache
def routes() -> dict[str, set[str]]:
    """Path, with its parameters as {} → methods."""
    document = json.loads((ROOT / "schemas" / "openapi.json").read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {path: {"GET"} for path in PROBES}
    for path, methods in document["paths"].items():
        found[re.sub(r"\{\w+\}", "{}", path)] = {method.upper() for method in methods}
    return found


@cache
def _module(name: str) -> str | None:
    """The source of a module, or of a whole package."""
    path = name.replace(".", "/")
    files = [f"{path}.py"] if f"{path}.py" in tracked() else []
    if f"{path}/__main__.py" in tracked():
        files = [known for known in sorted(tracked()) if known.startswith(path) and known.endswith(".py")]
    return "\n".join((ROOT / file).read_text(encoding="utf-8") for file in files) if files else None
