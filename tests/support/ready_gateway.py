"""The gateway, with all that it imports at its start and at its first requests already imported."""

from __future__ import annotations

import importlib

from emulators import gateway
from shared.keys import web3_imports

for name in (
    *("emulators.deliverer", "emulators.exposition", "emulators.scheduler", "emulators.topics"),
    *("shared.adapters.memory_documents", "shared.store.sqlite.database"),
    *("shared.triggers.asgi_app", "shared.triggers.rpc.server"),
    *("argon2", "opentelemetry.exporter.prometheus", "uvicorn"),
):
    importlib.import_module(name)
web3_imports.eth_account()
gateway.served()
main = gateway.main
