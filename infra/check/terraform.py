"""Run Terraform on a copy of infra/ with the schema-only provider, isolated from this machine's own configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

INFRA = Path(__file__).parent.parent
ROOT = INFRA.parent
SECONDS = 300
# The arguments of each test, by its name; only the catalog's test has the variables of an environment.
TESTS: dict[str, tuple[str, ...]] = {
    path.name.partition(".")[0]: (f"-filter=tests/{path.name}",)
    for path in sorted((INFRA / "tests").glob("*.tftest.hcl"))
}
TESTS["catalog"] += ("-var-file=environments/prod.tfvars",)
for _name in ("dev", "staging"):
    _small = "-var=catalog=tests/catalogs/small.json"
    TESTS[_name] = ("-test-directory=environments", f"-var-file=environments/{_name}.tfvars", _small)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of infra/ next to the catalog, for the duration of the block."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "infra"
        shutil.copytree(
            INFRA, target, ignore=shutil.ignore_patterns(".terraform*", "__pycache__", "*.py", "*.gz")
        )
        (Path(folder) / "schemas").mkdir()
        shutil.copy(ROOT / "schemas" / "catalog.json", Path(folder) / "schemas")
        yield target


def run(folder: Path, provider: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one Terraform command in `folder`; its output includes standard error."""
    configuration = folder.parent / "terraformrc"
    configuration.write_text("")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    env = (
        kept
        | dict(provider)
        | {
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_DATA_DIR": str(folder.parent / "data"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
    )
    return subprocess.run(  # noqa: S603 - our own arguments
        ["terraform", *arguments],  # noqa: S607 - wherever it is installed
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=SECONDS,
        check=False,
    )
