"""The source file for functions-framework; FUNCTION_TARGET names the operation or operations to serve.

    FUNCTION_TARGET=claim_order python -m functions_framework --source functions/main.py
    FUNCTION_TARGET=claims      …   serves every operation of functions/claims/
    FUNCTION_TARGET=trust_engine …  serves every operation of one trust (shared/runtime/trust.py)

`__getattr__` imports the modules that the target needs, so a service's cold start pays for nothing else.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from shared.telemetry import logs

    logs.configure()
    if __name__ == "main":  # only functions-framework, which loads this file by its path, is about to serve
        _require_services()
    try:
        serve = _serve(name)
    except LookupError as error:
        raise AttributeError(str(error)) from error

    def target(request: Any) -> Any:
        return serve(request)

    assert isinstance(target, types.FunctionType)
    target.__name__ = name
    globals()[name] = target
    if __name__ == "main":
        from shared.triggers import flask_app

        flask_app.serve_all_paths(target)
        flask_app.disable_control_socket()
    return target


def _require_services() -> None:
    """Raises SystemExit with an explanation if no services are configured. Otherwise the first request would fail with
    an error about Google's credentials."""
    from shared.settings import NothingNamed, require_named

    try:
        require_named()
    except NothingNamed as error:
        raise SystemExit(str(error)) from None


def _serve(name: str) -> Callable[[Any], Any]:
    from shared.runtime import operation
    from shared.triggers import flask_app

    found = operation.targeted(name)
    return flask_app.serve(found[name]) if name in found and len(found) == 1 else flask_app.serve_all(found)


if os.environ.get("FUNCTION_TARGET"):
    __getattr__(os.environ["FUNCTION_TARGET"])
