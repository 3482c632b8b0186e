"""All files that are generated for clients, with their text."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.contract.clients import postman, python_models, python_resources, typescript

CLIENTS = Path(__file__).parents[3] / "clients"
PYTHON = CLIENTS / "python" / "src" / python_models.PACKAGE
TYPESCRIPT = CLIENTS / "typescript" / "src"
# All files in these folders are generated; files that are no longer needed are removed.
OWNED = (PYTHON / "resources",)


def files(document: Mapping[str, Any]) -> dict[Path, str]:
    """The text of each file, by path."""
    version = document["info"]["version"]
    python = {
        PYTHON
        / "_version.py": f'"""The product version that this client belongs to. {python_models.MADE}"""\n\n'
        f'VERSION = "{version}"\n',
        PYTHON / "models.py": python_models.models(document),
        PYTHON / "codes.py": python_models.codes(document),
        PYTHON / "events.py": python_models.events(document),
        **{PYTHON / "resources" / name: text for name, text in python_resources.modules(document)},
    }
    return formatted(python) | {
        CLIENTS / "postman" / "web3-wallet-backend.json": json.dumps(
            postman.collection(document), indent=2, ensure_ascii=False
        )
        + "\n",
        TYPESCRIPT / "version.ts": typescript.version(document),
        TYPESCRIPT / "resources.ts": typescript.resources(document),
    }


def owned() -> list[Path]:
    """The existing files in the folders of generated files."""
    return [path for folder in OWNED for path in folder.glob("*.*")]


def formatted(texts: Mapping[Path, str]) -> dict[Path, str]:
    """Python code after the formatter. Raises CalledProcessError for invalid Python."""
    with tempfile.TemporaryDirectory() as name:
        files = {path: Path(name) / f"m{number}.py" for number, path in enumerate(texts)}
        for path, file in files.items():
            file.write_text(texts[path], encoding="utf-8")
        for command in (("check", "--select", "I", "--fix"), ("format", "--line-length", "110")):
            subprocess.run(  # noqa: S603
                [sys.executable, "-m", "ruff", *command, "--isolated", "--quiet", "--no-cache", name],
                check=True,
            )
        return {path: file.read_text(encoding="utf-8") for path, file in files.items()}
