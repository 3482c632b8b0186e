"""Update .venv and node_modules, then run a command with .venv's Python. --dev also installs the tools for tests and
checks, and the node_modules of clients/typescript.

    .ci/python .ci/setup.py [--dev] [-m module argument …]

Only uses the standard library, because it installs everything else. It writes nothing but these folders. A stamp
holds the digest of the installed requirements, so a second call takes a tenth of a second. A .venv that does not work
here (its Python is missing, it was copied from another folder) is recreated.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV, NODE = ROOT / ".venv", ROOT / "node_modules"
CLIENT = ROOT / "clients" / "typescript"  # its compiler and type generator, for checks and packaging
PYTHON = VENV / "bin" / "python"
RUNTIME = ("requirements.txt", "requirements-local.txt")
DEVELOPMENT = ("requirements-dev.txt",)
_CLIENT_LOCK = "clients/typescript/package-lock.json"
STARTED = time.monotonic()


def main(arguments: list[str]) -> int:
    """Set up, and run the requested command. Returns its exit status, or that of a failed step."""
    development = arguments[:1] == ["--dev"]
    command = arguments[1:] if development else arguments
    sys.path.insert(0, str(ROOT))
    from emulators import doctor

    try:
        if not (_stamped("runtime", RUNTIME) and _node_stamped()) and doctor.main(["--brief"]):
            return 1
        if "emulators" in command and "run" in command:
            doctor.free_port()
        set_up(development)
    except doctor.BadPort as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"set-up failed: {error.cmd[0]} ended with {error.returncode}; see above", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the next call goes on from here", file=sys.stderr)
        return 0 if os.environ.get("MAKELEVEL") else 130  # make was also interrupted, and reports it itself
    if command:
        os.execv(PYTHON, [str(PYTHON), *command])  # noqa: S606 - the command is the caller's
    return 0


def set_up(development: bool) -> None:
    """Run the missing steps. Raises CalledProcessError."""
    if not usable():
        say("making .venv")
        remove(VENV)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    install("runtime", RUNTIME, "what the product needs")
    if development:
        install("development", DEVELOPMENT, "what tests and checks need")
    if not _node_stamped():
        install_node()
    if development and not _client_stamped():
        install_client()
    bundle_console()


def usable() -> bool:
    """Whether .venv's Python starts, has a supported version, and its programs refer to it."""
    if not PYTHON.exists():
        return False
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"
    try:
        if subprocess.run([str(PYTHON), "-c", check], capture_output=True, check=False).returncode != 0:
            return False
        first = (VENV / "bin" / "pip").read_text().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return False
    return Path(first.removeprefix("#!")).parent.resolve() == (VENV / "bin").resolve()


def remove(folder: Path) -> None:
    """Delete a folder. For a link, delete the link but never its target."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def install(name: str, files: tuple[str, ...], what: str) -> None:
    """Install pinned requirements unless the stamp shows that they are installed. pip's progress is one line."""
    if _stamped(name, files):
        return
    wanted = sum(len(re.findall(r"^\S+==", (ROOT / file).read_text(), re.MULTILINE)) for file in files)
    say(f"installing {what}: {wanted} packages of {', '.join(files)}")
    options = [part for file in files for part in ("-r", file)]
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    _followed([*command, "--no-compile", "--require-hashes", *options], wanted)
    (VENV / f".{name}").write_text(_digest(files))


def _followed(command: list[str], wanted: int) -> None:
    """Run pip and show its progress; show its complete output only if it fails."""
    lines: list[str] = []
    seen = 0
    done = threading.Event()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            lines.append(line)
            found = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
            seen += bool(found)
            if found and sys.stdout.isatty():
                print(f"\r\033[K  {min(seen, wanted)} of {wanted}: {found[1]}", end="", flush=True)
            elif found and seen % 20 == 0:
                print(f"  {min(seen, wanted)} of {wanted}", flush=True)
            elif line.startswith("Installing collected"):
                print(("\r\033[K" if sys.stdout.isatty() else "") + "  writing them to .venv", flush=True)
                threading.Thread(target=_count_written, args=(wanted, done), daemon=True).start()
    done.set()
    if pip.returncode:
        print("".join(lines[-20:]), file=sys.stderr)
        raise subprocess.CalledProcessError(pip.returncode, ["pip install"])


def _count_written(wanted: int, done: threading.Event) -> None:
    """Show every few seconds how many packages are in .venv, of which pip says nothing."""
    before = _written()
    while not done.wait(5.0):
        print(f"  {_written() - before} of {wanted} written", flush=True)


def _written() -> int:
    return sum(1 for _ in VENV.glob("lib/python*/site-packages/*.dist-info"))


def install_node() -> None:
    """Install the EVM node."""
    say("installing the EVM node of local runs: npm ci")
    if NODE.is_symlink():
        NODE.unlink()
    _npm_ci(ROOT)
    (NODE / ".installed").write_text(_digest(("package-lock.json",)))


def install_client() -> None:
    """Install the tools that generate types for, compile and package the TypeScript client."""
    say("installing what the TypeScript client is made with: npm ci")
    _npm_ci(CLIENT)
    (CLIENT / "node_modules" / ".installed").write_text(_digest((_CLIENT_LOCK,)))


def bundle_console() -> None:
    """Bundle the console's page, unless it is current. Without it everything else works, and /console reports that it
    is missing."""
    script = ROOT / "clients" / "console" / "build.py"
    if (
        not script.exists()
        or subprocess.run([str(PYTHON), str(script), "--check"], check=False).returncode == 0
    ):
        return
    say("bundling the console's page: npm ci, esbuild")
    if subprocess.run([str(PYTHON), str(script)], env=_with_npm(), check=False).returncode:
        print("  it could not be made; /console will say so", file=sys.stderr)


def _npm_ci(folder: Path) -> None:
    """Run npm ci; if the machine has no npm, use one from PyPI in .venv."""
    subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, env=_with_npm(), check=True)


def _with_npm() -> dict[str, str]:
    """Environment variables with an npm in PATH."""
    env = dict(os.environ)
    if not _npm_works(env):
        if not (VENV / "bin" / "npm").exists():
            install("node", ("requirements-node.txt",), "Node.js (there is no npm here)")
        env["PATH"] = f"{VENV / 'bin'}{os.pathsep}{env['PATH']}"
    return env


def _npm_works(env: dict[str, str]) -> bool:
    if shutil.which("npm") is None:
        return False
    return subprocess.run(["npm", "--version"], env=env, capture_output=True, check=False).returncode == 0


def _stamped(name: str, files: tuple[str, ...]) -> bool:
    return _read(VENV / f".{name}") == _digest(files) and PYTHON.exists()


def _node_stamped() -> bool:
    return _read(NODE / ".installed") == _digest(("package-lock.json",))


def _client_stamped() -> bool:
    return _read(CLIENT / "node_modules" / ".installed") == _digest((_CLIENT_LOCK,))


def _digest(files: tuple[str, ...]) -> str:
    return hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in files)).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def say(text: str) -> None:
    """Print one line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text} …", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
