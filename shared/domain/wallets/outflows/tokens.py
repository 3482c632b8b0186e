"""The functions that transfer and approve tokens: ERC-20, 721, 777, 1155, 1363, 2612, 3009 and DAI's permit.

If one selector means an amount for one kind of token and an id for another, an id of 0 counts as 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.wallets.outflows.arguments import WORD, Arguments
from shared.domain.wallets.outflows.moves import UNLIMITED, ZERO_ADDRESS, Move

MAX_ITEMS: Final = 1024  # of one batch


@dataclass(frozen=True, slots=True)
class Form:
    """A function that moves one asset. `kinds` names the type of each argument: (a)ddress, (u)int256, (f)lag,
    (b)ytes32, uint(8), (d)ynamic. The other fields are argument positions: the giver (None: the caller), the recipient
    (None: nobody), the amount (None: `fixed`), and a flag that must be set."""

    signature: str
    kinds: str
    to: int | None
    amount: int | None = None
    owner: int | None = None
    when: int | None = None
    fixed: int = 0
    least: int = 0

    def read(self, arguments: Arguments, token: str, sender: str | None) -> list[Move]:
        """The moves of this call. `sender` None: somebody calls on the wallet's behalf, so the giver may be the
        wallet."""
        values = [_value(kind, arguments, at * WORD) for at, kind in enumerate(self.kinds)]
        amount = self.fixed if self.amount is None else max(self.least, int(values[self.amount]))
        if self.when is not None and not values[self.when]:
            return []  # the call revokes a right
        if self.owner is not None and sender is not None and values[self.owner] != sender:
            amount = 0  # it is not the wallet's
        recipient = ZERO_ADDRESS if self.to is None else str(values[self.to])
        return [] if self.to is None and not amount else [Move(token, recipient, amount)]


def _value(kind: str, arguments: Arguments, at: int) -> int | str:
    if kind == "a":
        return arguments.address(at)
    return arguments.uint(at, {"f": 1, "8": 8}.get(kind, 256))


FORMS: Final[dict[str, Form]] = {
    # ERC-20, and ERC-721 functions with the same signature
    "a9059cbb": Form("transfer(address,uint256)", "au", 0, 1, least=1),
    "23b872dd": Form("transferFrom(address,address,uint256)", "aau", 1, 2, owner=0, least=1),
    "095ea7b3": Form("approve(address,uint256)", "au", 0, 1, least=1),
    "39509351": Form("increaseAllowance(address,uint256)", "au", 0, 1),
    "d73dd623": Form("increaseApproval(address,uint256)", "au", 0, 1),
    "a457c2d7": Form("decreaseAllowance(address,uint256)", "au", None),
    "66188463": Form("decreaseApproval(address,uint256)", "au", None),
    "42966c68": Form("burn(uint256)", "u", None, 0, least=1),
    "79cc6790": Form("burnFrom(address,uint256)", "au", None, 1, owner=0, least=1),
    # Permits: EIP-2612, its form for contract wallets, DAI's
    "d505accf": Form(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", "aauu8bb", 1, 2, owner=0
    ),
    "9fd5a6cf": Form("permit(address,address,uint256,uint256,bytes)", "aauud", 1, 2, owner=0),
    "8fcbaf0c": Form(
        "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
        "aauuf8bb", 1, owner=0, when=4, fixed=UNLIMITED,
    ),
    # EIP-3009
    "e3ee160e": Form(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        "aauuub8bb", 1, 2, owner=0,
    ),
    "cf092995": Form(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
        "aauuubd", 1, 2, owner=0,
    ),
    "ef55bec6": Form(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        "aauuub8bb", 1, 2, owner=0,
    ),
    "88b7ab63": Form(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
        "aauuubd", 1, 2, owner=0,
    ),
    "5a049a70": Form("cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)", "ab8bb", None),
    "b7b72899": Form("cancelAuthorization(address,bytes32,bytes)", "abd", None),
    # ERC-721 and ERC-1155
    "a22cb465": Form("setApprovalForAll(address,bool)", "af", 0, when=1, fixed=UNLIMITED),
    "42842e0e": Form("safeTransferFrom(address,address,uint256)", "aau", 1, owner=0, fixed=1),
    "b88d4fde": Form("safeTransferFrom(address,address,uint256,bytes)", "aaud", 1, owner=0, fixed=1),
    "f242432a": Form("safeTransferFrom(address,address,uint256,uint256,bytes)", "aauud", 1, 3, owner=0),
    # ERC-777
    "9bd9bbc6": Form("send(address,uint256,bytes)", "aud", 0, 1),
    "62ad1b83": Form("operatorSend(address,address,uint256,bytes,bytes)", "aaudd", 1, 2, owner=0),
    "fe9d9303": Form("burn(uint256,bytes)", "ud", None, 0),
    "fc673c4f": Form("operatorBurn(address,uint256,bytes,bytes)", "audd", None, 1, owner=0),
    "959b8c3f": Form("authorizeOperator(address)", "a", 0, fixed=UNLIMITED),
    "fad8b32a": Form("revokeOperator(address)", "a", None),
    # ERC-1363
    "1296ee62": Form("transferAndCall(address,uint256)", "au", 0, 1),
    "4000aea0": Form("transferAndCall(address,uint256,bytes)", "aud", 0, 1),
    "d8fbe994": Form("transferFromAndCall(address,address,uint256)", "aau", 1, 2, owner=0),
    "c1d34b89": Form("transferFromAndCall(address,address,uint256,bytes)", "aaud", 1, 2, owner=0),
    "3177029f": Form("approveAndCall(address,uint256)", "au", 0, 1),
    "cae9ca51": Form("approveAndCall(address,uint256,bytes)", "aud", 0, 1),
}  # fmt: skip

BATCH_TRANSFER: Final = "2eb2c2d6"  # safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)


def batch_transfer(arguments: Arguments, token: str, sender: str | None) -> list[Move]:
    """ERC-1155's batch transfer: the sum of the amounts."""
    owner, recipient = arguments.address(0), arguments.address(WORD)
    places = arguments.items(3 * WORD)
    amount = sum(arguments.word(at) for at in places[:MAX_ITEMS])
    if len(places) > MAX_ITEMS:
        amount = UNLIMITED
    return [Move(token, recipient, amount if sender in (None, owner) else 0)]
