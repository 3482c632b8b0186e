"""Recovery codes for a lost authenticator app: ten codes of 80 random bits, each valid once, stored as hashes."""

from __future__ import annotations

import base64
import hashlib
import secrets

COUNT = 10


def generate() -> list[str]:
    """Generate secret random codes such as abcd-efgh-ijkl-mnop. Call this before the transaction."""
    plain = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(COUNT)]
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in plain]


def hashed(code: str) -> str:
    """SHA-256 in hex of the code without dashes and spaces, in lower case."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
