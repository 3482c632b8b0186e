"""`make run`: the whole product until Ctrl-C, with an operator to sign in as."""

from __future__ import annotations

import os
import secrets
import signal

from emulators import background, doctor, seed, selection, toolkit
from emulators.product import Product

GUIDE = """
Web3 Wallet Backend is up.

  API         {url}/api/v1
  health      {url}/ready
  node        {node} (chain id 31337)
  logs        {logs}
  operator    {email}  {password}
  variables   eval "$(.venv/bin/python -m emulators env)" leads other commands to this product

Register a user, and sign in as the operator:

  curl -s {url}/api/v1/auth/register -H 'Content-Type: application/json' \\
       -d '{{"email": "me@example.com", "password": "correct horse battery staple"}}'
  curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \\
       -d '{{"email": "{email}", "password": "{password}"}}'

Relaxed in local runs: nobody has to prove a mailbox first (REQUIRE_VERIFIED_EMAIL=on asks for it; mails are in
{mails}), throttles are wide, and administrators need no second factor but for acting for users.

Ctrl-C stops everything.
"""


def main(arguments: list[str]) -> int:
    """Run until a signal ends it."""
    workdir = toolkit.ROOT / ".run" / "product"
    port = doctor.free_port()
    email = os.environ.get("OPERATOR_EMAIL", "operator@example.com")
    password = os.environ.get("OPERATOR_PASSWORD") or secrets.token_urlsafe(12)
    with Product.start(workdir, port=port) as product:
        print("\n".join(selection.told(product.stack.chosen)))
        seed.operator(email, password)
        background.State(product.env, []).write(workdir)  # for `python -m emulators env`
        node = product.env["RPC_URL"]
        print(
            GUIDE.format(
                url=product.url,
                node=node,
                logs=workdir / "gateway.log",
                mails=workdir / "state" / "mail",
                email=email,
                password=password,
            ),
            flush=True,
        )
        while product.gateway is not None and product.gateway.alive:
            signal.sigtimedwait([], 1.0)
    print("the gateway ended; see its log", flush=True)
    return 1
