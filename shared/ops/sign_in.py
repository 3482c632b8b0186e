"""Sign in to the API from a shell; prints an access token, which is valid for 15 minutes.

`export AUTH="Authorization: Bearer $(python -m shared.ops.sign_in $API you@example.com)"` asks in the terminal for the
password and, if the account has a second factor, for a code. So neither is in the shell's history or visible to other
programs.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3

SECONDS: Final = 20.0  # for one answer
LOCAL: Final = ("127.0.0.1", "localhost", "::1")


class NotSignedIn(Exception):
    """The text says why, in one sentence."""


def main(arguments: list[str]) -> int:
    """Returns 0 and prints the token, or returns 1 and says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.sign_in")
    parser.add_argument("api", help="https://api.example.com, or with /api/v1")
    parser.add_argument("email")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{token(options.api, options.email)}\n")
    except NotSignedIn as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


def token(api: str, email: str) -> str:
    """Ask for what the account needs and sign in. Raises NotSignedIn."""
    api = api.rstrip("/").removesuffix("/api/v1") + "/api/v1"
    parts = urlsplit(api)
    if parts.scheme != "https" and parts.hostname not in LOCAL:
        raise NotSignedIn(f"{api} is not https: the password would be sent unprotected")
    person = {"email": email, "password": getpass.getpass("Password: ")}
    answer = _login(api, person)
    if _code(answer) == "SECOND_FACTOR_REQUIRED":
        otp = getpass.getpass("Code of the authenticator app, or a recovery code: ")
        answer = _login(api, person | {"otp": otp})
    if refusal := answer.get("error"):
        raise NotSignedIn(f"{refusal['code']}: {refusal['message']}")
    return str(answer["token"])


def _login(api: str, person: dict[str, str]) -> dict[str, Any]:
    """The answer's body, also of a refusal. Raises NotSignedIn if it is none of ours."""
    try:
        answer = urllib3.request(
            "POST", f"{api}/auth/login", json=person, timeout=SECONDS, retries=False, redirect=False
        )
        body = answer.json()
    except urllib3.exceptions.HTTPError as error:
        raise NotSignedIn(f"{api} does not answer: {type(error).__name__}") from None
    except ValueError:
        body = None
    if not isinstance(body, dict) or not {"token", "error"} & set(body):
        raise NotSignedIn(f"what answers at {api} is not the API")
    return body


def _code(answer: dict[str, Any]) -> str | None:
    error = answer.get("error")
    return str(error["code"]) if error else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
