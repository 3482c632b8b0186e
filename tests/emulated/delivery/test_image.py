"""The image's file system, built from the Dockerfile's own steps; its functions run as a user who owns nothing.

`INSTALL=1` (in `make prove`) installs the hashed requirements as the file says, twice. Without it they are linked from
this environment, which has installed the same versions from the same file.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators import ports, process
from emulators.toolkit import ROOT
from tests.emulated.functions.conftest import Functions, Service, functions, wait
from tests.support.image import DOCKERFILE, Builder, Ignore, Image, other_user, steps

INSTALL = os.environ.get("INSTALL") == "1"
NAMES = ("register_user", "login_user", "get_me", "record_dead_letter", "sweep_outbox")
SITE = Path(sysconfig.get_path("purelib"))
LOCAL = re.compile(r"RPC_URL|STATE_DIR|PUSH_TOKEN|SPANNER_|PUBSUB_|FIRESTORE_|GOOGLE_CLOUD_|ENVIRONMENT$")
__all__ = ["functions"]  # a fixture
pytestmark = pytest.mark.timeout(900 if INSTALL else 120)


def linked(image: Image, words: list[str]) -> bool:
    """Replace the RUN that installs: link the packages of the distributions that requirements.txt names. They are
    compiled already."""
    if words[1:3] == ["-m", "compileall"]:
        return words[-1] == "/packages"
    if words[1] == "clients/console/build.py" or "/node" in words:
        return _bundled(image, words)
    assert words[1:4] == ["-m", "pip", "install"]
    assert {"--require-hashes", "--only-binary=:all:"} <= set(words)
    packages = Path(image.below("/packages"))
    pinned = re.findall(r"(?m)^([\w.-]+)==(\S+) ", (ROOT / "requirements.txt").read_text())
    for name, version in pinned:
        found = importlib.metadata.distribution(name)
        assert found.version == version, f"{name} is {found.version} here, requirements.txt has {version}"
        for part in {_part(Path(str(file))) for file in found.files or () if ".." not in file.parts}:
            if not (packages / part).exists():
                (packages / part).parent.mkdir(parents=True, exist_ok=True)
                (packages / part).symlink_to(SITE / part)
    return True


def _bundled(image: Image, words: list[str]) -> bool:
    """Replace the RUN that fetches Node.js and bundles the console: use the bundle that set-up made from the same
    sources."""
    if words[1] == "clients/console/build.py":
        shutil.copytree(ROOT / "functions" / "site" / "console", image.below(words[-1]))
    else:
        assert words[1:4] == ["-m", "pip", "install"] and "--require-hashes" in words
    return True


def _part(file: Path) -> Path:
    """The package of a file, below folders that several distributions share; otherwise the file."""
    folders = list(file.parents)[-2::-1]
    return next((f for f in folders if (SITE / f / "__init__.py").exists() or f.suffix == ".dist-info"), file)


def built(folder: Path) -> Image:
    return Builder(ROOT, folder, *(() if INSTALL else (linked,))).build()


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    yield built(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def services(image: Image, functions: Functions) -> Iterator[dict[str, Service]]:
    """Start those functions, each in a process like in the image."""
    state = Path(tempfile.mkdtemp(prefix="state-"))
    state.chmod(0o777)
    env = {name: value for name, value in functions.env.items() if LOCAL.match(name)}
    running = {}
    try:
        for name in NAMES:
            with ports.reserve() as (port, lock):
                mine = {
                    **env,
                    "STATE_DIR": str(state),
                    "FUNCTION_TARGET": name,
                    "PORT": str(port),
                    "TMPDIR": str(state),
                    "HOME": str(state),
                }
                command, whole = image.started(mine)
                arguments = [f"{key}={value}" for key, value in whole.items()]
                child = process.spawn(
                    name,
                    ["env", "-i", *arguments, *command, "--host", "127.0.0.1"],
                    functions.folder / f"image-{name}.log",
                    keep=[lock],
                )
            running[name] = Service(name, child, f"http://127.0.0.1:{port}", functions.client)
        for service in running.values():
            wait(service)
        yield running
    finally:
        process.stop([service.child for service in running.values()])
        shutil.rmtree(state)


def as_nobody(image: Image, code: str) -> subprocess.CompletedProcess[str]:
    command, env = image.started({})
    place = command.index("python")
    line = [*command[:place], "python", "-c", code]
    return subprocess.run(
        line, cwd=image.root, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_user_registers_signs_in_and_is_known_to_a_third_function(services: dict[str, Service]) -> None:
    person = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse battery staple"}
    made = services["register_user"].call("POST", "/api/v1/auth/register", json=person)
    assert made.status_code == 201, made.text
    token = services["login_user"].call("POST", "/api/v1/auth/login", json=person).json()["token"]
    me = services["get_me"].call("GET", "/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (me.status_code, me.json()["id"]) == (200, made.json()["id"]), me.text


def test_pushes_and_schedules_are_answered(services: dict[str, Service], functions: Functions) -> None:
    data = base64.b64encode(b"no event").decode()
    message: dict[str, Any] = {"data": data, "attributes": {}, "messageId": "1"}
    query = f"?token={functions.push_token}"
    push = services["record_dead_letter"].call(
        "POST", f"/push/record_dead_letter{query}", json={"message": message, "subscription": "s"}
    )
    start = services["sweep_outbox"].call("POST", f"/schedule/sweep_outbox{query}")
    assert (push.status_code, start.status_code) == (204, 204), push.text + start.text


def test_every_function_is_ready_with_what_the_image_holds(services: dict[str, Service]) -> None:
    states = {name: service.call("GET", "/ready").status_code for name, service in services.items()}
    assert states == dict.fromkeys(NAMES, 200)


@pytest.mark.skipif(
    not other_user(), reason="only root can take another user, and a Python in /root is its alone"
)
def test_the_processes_are_nobodys_and_can_change_nothing(image: Image, services: dict[str, Service]) -> None:
    for service in services.values():
        status = Path(f"/proc/{service.child.process.pid}/status").read_text()
        assert re.search(r"(?m)^Uid:\s+65532\s+65532\s+65532", status), service.name
    for path in ("app/shared/x", "app/functions/main.py", "packages/x"):
        tried = as_nobody(image, f"open({str(image.root / path)!r}, 'a')")
        assert "PermissionError" in tried.stderr, path


def test_nothing_but_the_requirements_and_the_product_can_be_imported(image: Image) -> None:
    assert (
        as_nobody(
            image,
            "import functions.main, shared.triggers.flask_app, schemas.database.migrate, google.cloud.spanner",
        ).returncode
        == 0
    )
    for module in ("pytest", "mypy", "emulators", "tests"):
        assert "ModuleNotFoundError" in as_nobody(image, f"import {module}").stderr, module


def test_the_image_holds_the_product_and_no_more(image: Image) -> None:
    ours = [file for file in image.files() if file.startswith("app/") and not file.endswith(".pyc")]
    tracked = subprocess.run(
        ["git", "ls-files", "functions", "shared", "schemas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(tracked) <= {file.removeprefix("app/") for file in ours} or not tracked
    tops = {file.split("/")[1] for file in ours}
    assert tops == {"functions", "shared", "schemas"}
    compiled = {file for file in image.files() if re.match(r"app/.*\.pyc$", file)}
    assert len(compiled) == sum(file.endswith(".py") for file in ours)


def test_the_last_stage_runs_nothing_and_sets_what_a_function_needs() -> None:
    found = steps((ROOT / DOCKERFILE).read_text())
    last = found[max(place for place, step in enumerate(found) if step[0] == "FROM") :]
    assert not [step for step in last if step[0] in ("RUN", "ADD")]
    env = " ".join(rest for instruction, rest in last if instruction == "ENV")
    assert all(f"{name}=" in env for name in ("PYTHONPATH", "PORT", "WORKERS", "THREADS"))
    assert [rest for instruction, rest in last if instruction == "USER"] == ["65532:65532"]


def test_what_the_context_leaves_out() -> None:
    ignored = Ignore(
        [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    )
    inside = ("requirements.txt", "shared/triggers/flask_app.py", "schemas/spanner/0001_core.sql")
    assert [path for path in inside if ignored(path)] == []
    outside = (
        ".git/config",
        ".env",
        "tests/x.py",
        "requirements-dev.txt",
        "shared/__pycache__/web.cpython-311.pyc",
    )
    assert [path for path in outside if not ignored(path)] == []


@pytest.mark.skipif(not INSTALL, reason="INSTALL=1: a long one")
def test_the_same_sources_make_the_same_image() -> None:
    digests = []
    folder = Path(tempfile.gettempdir()) / f"image-twice-{os.getpid()}"
    for _ in range(2):
        folder.mkdir()
        image = built(folder)
        files = {file: hashlib.sha256((image.root / file).read_bytes()).hexdigest() for file in image.files()}
        size = sum((image.root / file).stat().st_size for file in files)
        shutil.rmtree(folder)
        digests.append(files)
    print(f"\nlayers on the base: {size / 1e6:.0f} MB in {len(digests[0])} files")
    assert {file for file in digests[0] if digests[0][file] != digests[1].get(file)} == set()
    assert set(digests[1]) == set(digests[0])
