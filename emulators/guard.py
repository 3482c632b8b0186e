"""Become a command that the kernel ends when the process that started it dies for any reason.

Usage: `python guard.py PARENT_PID SIGNAL COMMAND…`. A parent that is killed with SIGKILL cannot clean up, so on Linux
the kernel does it (PR_SET_PDEATHSIG, which survives the exec). On other systems this only runs the command, and only
the clean-up of the parent ends it. It uses only the standard library, because it runs without site-packages.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Request the signal, check that the parent has not died before that, and become the command."""
    parent, signal_number, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number) != 0:
            sys.exit("guard: the kernel refused PR_SET_PDEATHSIG")
        if os.getppid() != parent:
            sys.exit("guard: the parent is already gone")
    os.execvp(command[0], command)  # noqa: S606  the command is the caller's


if __name__ == "__main__":
    main(sys.argv[1:])
