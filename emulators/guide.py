"""The text that `make run` prints when the product is up."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from emulators import selection
from emulators.chain_keeper import client
from emulators.product import Product

ACCOUNTS: Final = 3  # how many of the node's ten accounts to print
WEI: Final = 10**18
TEXT: Final = """
Web3 Wallet Backend is up.

  API         {url}/api/v1
  gRPC        {grpc}, without TLS (docs/grpc.md)
  console     {url}/console
  reference   {url}/docs
  health      {url}/ready
  metrics     {url}/metrics
  node        {node} (chain id 31337)
{accounts}
  commands    {bus}
  mails       {mails}
  log         {log}
  data        {data}
  operator    {email}  {password}
  variables   eval "$(.venv/bin/python -m emulators env)" connects other commands to this product

Register a user, and sign in as the operator:

  curl -s {url}/api/v1/auth/register -H 'Content-Type: application/json' \\
       -d '{{"email": "me@example.com", "password": "correct horse battery staple"}}'
  curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \\
       -d '{{"email": "{email}", "password": "{password}"}}'

Relaxed in local runs: e-mail addresses need no confirmation (REQUIRE_VERIFIED_EMAIL=on requires it), rate
limits are high, and administrators need no second factor, except to act for users.

Ctrl-C stops everything.
"""


def text(product: Product, email: str, password: str) -> str:
    """The text, with the choice of services first. Raises ChainError if the node does not answer."""
    env = product.env
    if product.data is None:
        data = "is lost when this stops, because emulators do not keep it; `make run STORE=embedded` does"
    else:
        data = f"is kept in {product.data.folder}; `make run FRESH=1` starts without the old data"
    services = "\n".join(selection.summary(product.stack.chosen))
    return (
        services
        + "\n"
        + TEXT.format(
            url=product.url,
            grpc=product.grpc,
            node=env["RPC_URL"],
            accounts="\n".join(_accounts(env["RPC_URL"])),
            bus=_bus(env),
            mails=f"{env['STATE_DIR']}/mail",
            log=product.workdir / "gateway.log",
            data=data,
            email=email,
            password=password,
        )
    )


def _accounts(url: str) -> list[str]:
    """The lines for the node's development accounts, whose keys are public."""
    node = client(url)
    try:
        addresses = node.call("eth_accounts", [])[:ACCOUNTS]
        held = [int(node.call("eth_getBalance", [address, "latest"]), 16) for address in addresses]
    finally:
        node.close()
    lines = [f"{address}  {Decimal(wei) / WEI:f} ETH" for address, wei in zip(addresses, held, strict=True)]
    return [f"  {'' if place else 'accounts':<10}  {line}" for place, line in enumerate(lines)]


def _bus(env: dict[str, str]) -> str:
    example = "`.venv/bin/python -m emulators publish order-commands FILE`"
    if address := env.get("PUBSUB_EMULATOR_HOST"):
        return f"topic order-commands of project {env['GOOGLE_CLOUD_PROJECT']} on {address}, or {example}"
    return f"topic order-commands of the embedded queue: {example}"
