"""The one source file for functions-framework: FUNCTION_TARGET names the operation.

    FUNCTION_TARGET=claim_order python -m functions_framework --source functions/main.py

`__getattr__` imports the one module that the target needs, so a service's cold start pays for nothing else.
"""

from __future__ import annotations

import os
import types
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from shared import operation, telemetry, web

    telemetry.configure()
    try:
        serve = web.serve(operation.load(name))
    except LookupError as error:
        raise AttributeError(str(error)) from error

    def target(request: Any) -> Any:
        return serve(request)

    assert isinstance(target, types.FunctionType)
    target.__name__ = name
    globals()[name] = target
    return target


if os.environ.get("FUNCTION_TARGET"):
    __getattr__(os.environ["FUNCTION_TARGET"])
