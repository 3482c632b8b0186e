"""List the RPC nodes of each chain: whether they answer, how fast, and how far behind they are.

The figures are those of the instance that answers the request.
"""

from __future__ import annotations

from schemas.operators import Node, NodeList
from shared import resources
from shared.chain.errors import ChainError
from shared.domain.permissions import Caller
from shared.runtime.operation import http

MAX_WAIT_SECONDS = 1.5  # seconds to wait for a node's newest height


@http("GET", "/admin/nodes", permission="admin:read", answer=NodeList, needs=("chain",))
def list_nodes(caller: Caller) -> NodeList:
    registry, settings = resources.registry(), resources.settings()
    names = sorted(name for name in settings.rpc_urls if name in registry.chains)
    return NodeList(region=settings.region, items=[node for name in names for node in _nodes(name)])


def _nodes(chain: str) -> list[Node]:
    pool = resources.chain(chain).pool
    answers = pool.broadcast(lambda endpoint: (endpoint.name, endpoint.height(MAX_WAIT_SECONDS)))
    heights = dict(answer for answer in answers if not isinstance(answer, ChainError))
    best = max(heights.values(), default=0)
    return [
        Node(
            chain=chain,
            name=endpoint.name,
            healthy=endpoint.name in heights,
            resting=not endpoint.healthy,
            block_number=heights.get(endpoint.name),
            behind=best - heights[endpoint.name] if endpoint.name in heights else None,
            latency=round(endpoint.latency, 4),
            error_rate=round(endpoint.error_rate, 4),
        )
        for endpoint in pool.endpoints
    ]
