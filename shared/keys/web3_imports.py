"""The only module that imports web3 and eth-account; all others get them from here.

Both import py_ecc, which raises Python's recursion limit to 100,000. With that limit, deeply nested JSON would not
raise RecursionError but crash the process, so the limit is restored. Each import takes up to a second of a cold
start: call these functions inside other functions, never at module level.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_lock = threading.Lock()


def web3(part: str = "") -> ModuleType:
    """The package web3, or a module of it: `web3("providers.base")`."""
    return _imported("web3", part)


def eth_account(part: str = "") -> ModuleType:
    """The package eth_account, or a module of it: `eth_account("messages")`."""
    return _imported("eth_account", part)


def _imported(package: str, part: str) -> ModuleType:
    name = f"{package}.{part}" if part else package
    with _lock, _recursion_limit_kept():
        return importlib.import_module(name)


@contextmanager
def _recursion_limit_kept() -> Iterator[None]:
    """Ignore changes of the limit during the import: other threads may parse requests in that second."""
    limit, setter = sys.getrecursionlimit(), sys.setrecursionlimit
    sys.setrecursionlimit = lambda limit, /: None
    try:
        yield
    finally:
        sys.setrecursionlimit = setter
        sys.setrecursionlimit(limit)
