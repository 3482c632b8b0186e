"""Remove a folder when the process that asked for it has ended, even if it was killed and could not clean up.

`python leftovers.py FOLDER` waits for the end of its standard input, which the kernel closes when the asking process
ends. It uses only the standard library, because it runs without site-packages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

KEEP, NOW = b"keep", b"now"
PAUSE_SECONDS = 1.0  # in which the children of a killed process end; until then they may write there
REMOVE_SECONDS = 10.0


class Leftovers:
    """Whether the block wants to keep the folder."""

    def __init__(self) -> None:
        self.keep = False


@contextmanager
def removed(folder: Path, hold: Sequence[int] = ()) -> Iterator[Leftovers]:
    """Remove the folder when the block or this process ends, unless `keep` is set. The process that does it keeps
    the descriptors in `hold` open until then: with a lock among them, nobody else begins in the folder before."""
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(folder.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=hold,
    )
    removal = Leftovers()
    try:
        yield removal
    finally:
        child.communicate(KEEP if removal.keep else NOW)


def main(folder: Path) -> None:
    """Wait for the end of standard input, then remove the folder."""
    said = sys.stdin.buffer.read()
    if said == KEEP:
        return
    if said != NOW:
        time.sleep(PAUSE_SECONDS)
    until = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
