"""List the supported chains: currencies, tokens, confirmations, fee caps, and whether their nodes answer."""

from __future__ import annotations

from schemas.chains import ChainList, ServedChain
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import chain_heads
from shared.runtime.operation import PUBLIC, http


@http("GET", "/chains", permission=PUBLIC, answer=ChainList, needs=("chain",))
def list_chains(caller: Caller | None) -> ChainList:
    registry, settings = resources.registry(), resources.settings()
    names = sorted(name for name in settings.rpc_urls if name in registry.chains)
    heads = chain_heads.of(names)
    return ChainList(
        items=[
            ServedChain.of(registry.chain(name), heads[name], default=name == settings.default_chain)
            for name in names
        ]
    )
