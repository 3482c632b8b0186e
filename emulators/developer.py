"""Developer commands for a running product: a token for a user, coins, blocks, time, a reorganisation.

python -m emulators token EMAIL      print an access token; registers the user if needed
python -m emulators fund ADDRESS 5   add 5 ETH to an address
python -m emulators mine 3           mine 3 blocks at once
python -m emulators warp 3600        advance the chain's clock by 3600 seconds
python -m emulators reorg 2          replace the 2 newest blocks by empty ones
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from emulators import background, chain_keeper, kept, toolkit
from emulators.client import Api, UnexpectedAnswer
from emulators.stack import StartError
from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient
from shared.domain.errors import InvalidValue
from shared.keys.addresses import parse_address

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of users that are made here
MOST_BLOCKS: Final = 10_000
WEI: Final = 10**18


def main(command: str, arguments: list[str], folder: Path | None = None) -> int:
    """Run one command and return its exit status. Raises StartError with one sentence if nothing runs or the command
    is refused."""
    options = _parser(command).parse_args(arguments)
    folder = folder or toolkit.ROOT / ".run"
    env = _running(folder)
    if command == "token":
        print(token(f"http://127.0.0.1:{env['PORT']}", options.email, options.password))
        return 0
    node = chain_keeper.client(env["RPC_URL"])
    try:
        if command == "fund":
            print(fund(node, options.address, options.ether))
        elif command == "mine":
            print(mine(node, options.blocks))
        elif command == "warp":
            print(warp(node, options.seconds))
        else:
            print(reorganise(node, options.depth))
        if env.get("EMBEDDED_FILE"):
            _keep(node, folder)
    except (ChainError, InvalidValue) as refused:
        said = refused.details[0]["message"] if isinstance(refused, InvalidValue) else str(refused)
        raise StartError(f"the node refused: {said}") from None
    finally:
        node.close()
    return 0


def token(url: str, email: str, password: str) -> str:
    """Register this user if needed and return an access token. Raises StartError for a wrong password."""
    api = Api(url)
    body = {"email": email, "password": password}
    try:
        api.expect(201, "POST", "/auth/register", body)
        return str(api.expect(200, "POST", "/auth/login", body)["token"])
    except UnexpectedAnswer as refused:
        raise StartError(f"no token: {refused}") from None


def fund(node: RpcClient, address: str, ether: Decimal) -> str:
    """Add `ether` to the balance of the address. Raises InvalidValue for an invalid address."""
    recipient = parse_address(address)
    held = int(str(node.call("eth_getBalance", [recipient, "latest"])), 16)
    after = held + int(ether * WEI)
    node.call("anvil_setBalance", [recipient, hex(after)])
    return f"{recipient} holds {Decimal(after) / WEI:f} ETH"


def mine(node: RpcClient, blocks: int) -> str:
    node.call("anvil_mine", [hex(blocks)])
    return f"the newest block is {_height(node)}"


def warp(node: RpcClient, seconds: int) -> str:
    """Advance the chain's clock only; the product's own deadlines follow the clock of this machine."""
    node.call("evm_increaseTime", [hex(seconds)])
    node.call("anvil_mine", ["0x1"])
    newest = node.call("eth_getBlockByNumber", ["latest", False])
    now = datetime.fromtimestamp(int(newest["timestamp"], 16), UTC)
    return f"the chain's time is {now:%Y-%m-%d %H:%M:%S} UTC; the newest block is {int(newest['number'], 16)}"


def reorganise(node: RpcClient, depth: int) -> str:
    if depth >= (height := _height(node)):
        raise StartError(f"the chain has only {height} blocks")
    node.call("anvil_reorg", [depth, []])
    return f"the newest {depth} blocks are others now; the newest is {_height(node)}"


def _height(node: RpcClient) -> int:
    return int(str(node.call("eth_blockNumber", [])), 16)


def _running(folder: Path) -> dict[str, str]:
    """The environment variables of `make run`. Raises StartError if it does not run."""
    state = background.running(folder)
    if state is None:
        raise StartError("nothing is running: `make run` starts the product")
    return state.env


def _keep(node: RpcClient, folder: Path) -> None:
    """Write the chain's file, because a change without a new block would not be kept."""
    chain = kept.Kept(folder / "product" / "data").chain
    if chain.exists():
        chain_keeper.write(node, chain)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m emulators {command}")
    if command == "token":
        parser.add_argument("email")
        parser.add_argument("--password", default=PASSWORD, help=f'by default "{PASSWORD}"')
    elif command == "fund":
        parser.add_argument("address")
        parser.add_argument("ether", type=_ether, help="for example 1.5")
    elif command == "mine":
        parser.add_argument("blocks", type=_blocks, nargs="?", default=1)
    elif command == "warp":
        parser.add_argument("seconds", type=_seconds)
    else:
        parser.add_argument("depth", type=_blocks)
    return parser


def _ether(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text} is not an amount") from None
    if not (amount.is_finite() and 0 < amount <= 10**9):
        raise argparse.ArgumentTypeError("an amount is more than 0 and at most a milliard")
    return amount


def _blocks(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_BLOCKS:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST_BLOCKS}")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10 * 365 * 86_400:
        raise argparse.ArgumentTypeError("a whole number of seconds, at most ten years")
    return int(text)
