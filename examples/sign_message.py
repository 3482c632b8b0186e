"""Sign a text as a wallet app does (EIP-191), for `POST /auth/siwe/verify`.

    python examples/sign_message.py <private key> <text>

Prints the JSON that the operation takes. Pass only test keys on a command line, because other programs can see it.
"""

from __future__ import annotations

import json
import sys

from eth_account import Account
from eth_account.messages import encode_defunct


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write("usage: python examples/sign_message.py <private key> <text>\n")
        return 2
    key, text = arguments
    signature = Account.sign_message(encode_defunct(text=text), key).signature.hex()
    print(json.dumps({"message": text, "signature": f"0x{signature.removeprefix('0x')}"}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
