"""The only module that imports web3 and eth-account; all others get them from here.

Both import eth_keyfile, which imports py_ecc for the BLS keystores of Ethereum's validators. We have no such keys, and
py_ecc costs half a second of a cold start, in which it computes pairings. It also raises Python's recursion limit to
100,000; with that limit, deeply nested JSON would not raise RecursionError but crash the process. Therefore eth_keyfile
gets placeholders, which import py_ecc at their first use, and the limit is restored. The imports still take half a
second: call these functions inside other functions, never at module level.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

# The order of BLS12-381's groups, which limits validators' keys.
BLS_ORDER: Final = 0x73EDA753_299D7D48_3339D808_09A1D805_53BDA402_FFFE5BFE_FFFFFFFF_00000001
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
        if "eth_keyfile" not in sys.modules:
            _import_keystores()
        return importlib.import_module(name)


class _Later:
    """py_ecc's BLS signatures, imported at the first use."""

    def __getattr__(self, name: str) -> Any:
        with _recursion_limit_kept():
            return getattr(importlib.import_module("py_ecc.bls").G2ProofOfPossession, name)


def _import_keystores() -> None:
    """Import eth_keyfile with placeholders for the four modules of py_ecc that it knows."""
    from shared.keys import curve

    names: dict[str, dict[str, Any]] = {
        "py_ecc": {},
        "py_ecc.bls": {"G2ProofOfPossession": _Later()},
        "py_ecc.bls12_381": {"curve_order": BLS_ORDER},
        "py_ecc.secp256k1": {"N": curve.ORDER},
    }
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    for name, values in names.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(values)
    try:
        importlib.import_module("eth_keyfile")
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


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
