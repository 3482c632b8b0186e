"""Run the steps of cloudbuild.yaml like Cloud Build, in a model of the project, with Terraform's rights.

The scripts are those of the file, in their order. `gcloud` and `docker` are stand-ins; the migrations and the rollout
are real.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import yaml

from emulators.toolkit import ROOT
from infra.rollout import closure
from infra.rollout import command as rollout_command
from tests.unit.infra.clouds import FakeCloud, install

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())
SECONDS = 300
PROJECT = "acme-wallet-prod"


class StepFailedError(Exception):
    """The build ends at this step."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(f"{step}: {output}")
        self.step = step
        self.output = output


def found(cloud: FakeCloud, image: str) -> None:
    """The result of the first apply: every service wherever it is needed, with this image; the registry has its
    digest."""
    services = closure.services("trust")
    homes = closure.homes(
        services, set(rollout_command.READING.split(",")), set(rollout_command.WRITING.split(","))
    )
    cloud.start()
    made = {}
    for service, names in services.items():
        issues = any("issuer" in closure.catalog()[name]["needs"] for name in names)
        secrets = {
            "FINGERPRINT_KEY": ("fingerprint-key", "1"),
            "/secrets/token-keys": ("token-keys" if issues else "token-keys-public", "1"),
        }
        revision = {"labels": {}, "ready": True, "image": image, "secrets": secrets}
        for region in homes[service]:
            name = f"{service}-00001-old"
            made[f"{region}/{service}"] = {"traffic": {name: 100}, "tag": None, "revisions": {name: revision}}
    name, _, digest = image.partition("@")
    more = {
        "registry": {f"{name}:first": digest},
        "built": {f"{name}:first": digest},
        "signed": [],
        "migrated": [],
        "lost": [],
        "versions": {"fingerprint-key": 1, "token-keys": 1, "token-keys-public": 1, "canary-secret": 1},
    }
    cloud.write({**cloud.read(), "services": made, **more})


@dataclass
class Builder:
    """Runs builds. `substitutions` are the trigger's."""

    cloud: FakeCloud
    folder: Path
    substitutions: dict[str, str] = field(default_factory=dict)
    builds: int = 0

    def __post_init__(self) -> None:
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        install(self.bin)
        install(self.bin, "docker")
        python = f"""#!/bin/sh
            exec {sys.executable} "$@" --monitoring "$STAND_IN" --canary "$STAND_IN/canary/{{service}}/{{region}}" \\
              --bake 0 --synthetic 1 --pause 0.01 --parallel 4
            """
        for name, text in (("python3", python), ("apt-get", "#!/bin/sh\n")):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def build(self, commit: str) -> list[str]:
        """Run a build; returns the successful steps, in their order. Raises StepFailedError."""
        self.builds += 1
        self._has("roles/logging.logWriter", "logging")
        self._has("roles/secretmanager.secretAccessor", "availableSecrets")
        values = self._values(commit)
        workspace = self.folder / f"workspace-{self.builds}"
        (workspace / ".ci").mkdir(parents=True)
        (workspace / ".ci" / "run").write_text("#!/bin/sh\n")
        (workspace / ".ci" / "run").chmod(0o755)
        done: list[str] = []
        waiting = {step["id"]: step for step in BUILD["steps"]}
        while waiting:
            ready = [s for s in waiting.values() if set(s["waitFor"]) - {"-"} <= set(done)]
            for step in ready:
                self._step(step, values, workspace)
                done.append(step["id"])
                del waiting[step["id"]]
        return done

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a command of a document, like an operator."""
        return self._run(script, {"PROJECT": PROJECT, "DOMAIN": self.substitutions["_DOMAIN"]}, self.folder)

    def _values(self, commit: str) -> dict[str, str]:
        given = {"PROJECT_ID": PROJECT, "SHORT_SHA": commit, "BUILD_ID": f"build-{self.builds}"}
        own = BUILD["substitutions"] | self.substitutions
        return given | {name: Template(value).safe_substitute(given) for name, value in own.items()}

    def _step(self, step: dict[str, Any], values: dict[str, str], workspace: Path) -> None:
        words = " ".join(f"'{word}'" for word in step.get("args", []))
        script = step.get("script") or f"docker {Template(words).safe_substitute(values)}"
        done = self._run(script, values, workspace)
        if done.returncode:
            raise StepFailedError(step["id"], done.stdout + done.stderr)

    def _run(self, script: str, values: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "REAL_PYTHON": sys.executable,
            "FAKE_GCLOUD": str(self.cloud.file),
            "STAND_IN": self.cloud.url,
            "CANARY_SECRET": "secret",
        }
        return subprocess.run(
            ["bash", "-c", re.sub(r"^#!.*\n", "", script)],
            env=env | values,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def _has(self, role: str, what: str) -> None:
        if role not in self.cloud.read()["roles"]:
            raise StepFailedError(what, f"PERMISSION_DENIED: {role} is missing")
