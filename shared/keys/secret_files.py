"""Secrets in files: created with mode 0600, replaced in one step, refused if others can read them."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.keys.errors import SecretUnusable


def read_secret(path: Path, create: Callable[[], str] | None = None, *, owner_only: bool = True) -> str:
    """The text at `path`. If there is no file and `create` is given, its text is stored first.

    Set `owner_only` to False on a platform that mounts secrets as files and chooses their mode itself. Safe when
    several processes start at once: one file wins, and all read that one. Raises SecretUnusable if the file is absent,
    unreadable or (with `owner_only`) open to group or others."""
    if create is not None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _publish(path, create(), replace=False)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnusable(f"a secret file cannot be read ({type(error).__name__})") from None
    if owner_only and mode & 0o077:
        raise SecretUnusable(f"the secret file {path.name} is open to others (mode {mode:04o}); chmod 600 it")
    return text


def mark(path: Path | None) -> tuple[int, int] | None:
    """A value that changes when a file is replaced; None while there is none."""
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        return None
    return (stat.st_ino, stat.st_mtime_ns) if stat else None


def replace_secret(path: Path, text: str) -> None:
    """Store `text` at `path` (0600) in one step: a crash leaves the old or the new content."""
    _publish(path, text, replace=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lock the file at `path` against other processes: if two of them read it and then add to it, one change would be
    lost.

    Raises SecretUnusable at once if another process holds the lock. The lock ends with its process."""
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SecretUnusable(f"another process is changing {path.name}") from None
        yield


def _publish(path: Path, text: str, *, replace: bool) -> None:
    """Write to a temporary file in the same directory, sync, then move it into place; without `replace`, an existing
    file stays."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            with suppress(FileExistsError):  # another process was first; its secret is used
                path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
