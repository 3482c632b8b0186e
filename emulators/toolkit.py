"""Find the programs that run the emulators: the Google Cloud CLI's own, Docker Compose, the node from npm.

These are always Google's emulators and the real node, never a replacement. `Missing` says what to install.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
PACKAGES = {
    "spanner": "cloud-spanner-emulator",
    "pubsub": "pubsub-emulator",
    "firestore": "cloud-firestore-emulator",
}
# An emulator lives for minutes: Java's optimising compiler and its parallel collector cost more than they save.
SHORT_RUN = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Missing(Exception):
    """A required program is not installed. The text says what to do."""


@cache
def sdk_root() -> Path | None:
    """The Google Cloud CLI's folder, from `gcloud` on PATH (`gcloud info` would take a second)."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    root = Path(gcloud).resolve().parent.parent
    return root if (root / "platform").is_dir() else None


def spanner() -> list[str] | None:
    """The command that starts the Spanner emulator (gRPC only); None if it is not installed."""
    binary = _in_sdk("bin/cloud_spanner_emulator/emulator_main")
    return [binary] if binary else None


def pubsub() -> list[str] | None:
    """The command that starts the Pub/Sub emulator; None if it or Java is not installed."""
    jar, java = _in_sdk("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"), java_binary()
    return [java, *SHORT_RUN, "-jar", jar] if jar and java else None


def firestore() -> list[str] | None:
    """The command that starts the Firestore emulator; None if it or Java is not installed."""
    jar = _in_sdk("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
    java = java_binary()
    if not (jar and java):
        return None
    main_class = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    return [java, *SHORT_RUN, "-Duser.language=en", "-cp", jar, main_class]


def anvil() -> list[str]:
    """The command of the EVM node. Raises Missing."""
    return _foundry("anvil")


def cast() -> list[str]:
    """The command of `cast`; tests compare our keys, keystores and signatures with its own. Raises Missing."""
    return _foundry("cast")


def _foundry(name: str) -> list[str]:
    """The path of a native binary. We skip npm's launcher, which would be a process between us and the program."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), "")
    cpu = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}.get(
        platform.machine(), ""
    )
    binary = ROOT / f"node_modules/@foundry-rs/{name}-{system}-{cpu}/bin/{name}"
    found = str(binary) if binary.is_file() else shutil.which(name)
    if not found:
        raise Missing(f"Foundry's {name} is not installed: run `make setup` (it needs Node.js 20 and npm).")
    return [found]


def compose(service: str, port: int) -> list[str]:
    """The command that runs one service of compose.yaml in the foreground. Raises Missing if there is no Docker."""
    require_docker([service])
    project = f"wallet-{service}-{port}"
    return ["docker", "compose", "-p", project, "-f", str(COMPOSE_FILE), "up", "--no-log-prefix", service]


def require_docker(services: Sequence[str]) -> None:
    """Raises one Missing for all services that need a container, if Docker does not work here."""
    if services and not docker_works():
        raise Missing(_how_to_install(services))


@cache
def docker_works() -> bool:
    """Whether Docker Compose is installed and an engine answers, because the client alone cannot run anything."""
    if shutil.which("docker") is None:
        return False
    questions = (["docker", "compose", "version"], ["docker", "version", "--format", "{{.Server.Version}}"])
    try:
        return all(
            subprocess.run(question, capture_output=True, timeout=10, check=False).returncode == 0
            for question in questions
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def java_binary() -> str | None:
    """The path of `java`: the one of JAVA_HOME, otherwise the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin/java").is_file():
        return str(Path(home) / "bin/java")
    return shutil.which("java")


def _in_sdk(pattern: str) -> str | None:
    root = sdk_root()
    found = sorted(root.glob(pattern)) if root else []
    return str(found[-1]) if found else None


def _how_to_install(services: Sequence[str]) -> str:
    packages = [PACKAGES[name] for name in services]
    debian = " ".join(f"google-cloud-cli-{package.removeprefix('cloud-')}" for package in packages)
    variables = ", ".join(f"{name.upper()}_EMULATOR_HOST" for name in services)
    java = "" if java_binary() or list(services) == ["spanner"] else " and Java 17 or newer"
    return (
        f"Nothing on this machine can run these emulators: {', '.join(services)}. Do one of these:\n"
        f"  - install the Google Cloud CLI{java} and run `gcloud components install {' '.join(packages)}`\n"
        f"    (Debian and Ubuntu: `apt-get install {debian}`);\n"
        f"  - install and start Docker with Compose: the official images are then used;\n"
        f"  - set {variables} to where they run already."
    )
