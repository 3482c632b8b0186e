"""Key tools, which store nothing: secrets exist only in the request and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from schemas.base import ChainName, Request, Resource
from schemas.wallets import Secret, Strength

if TYPE_CHECKING:
    from shared.keys import accounts

Words = Annotated[SecretStr, Field(max_length=1024)]


class GenerateKeyPair(Request):
    chain: ChainName | None = None


class GenerateMnemonic(Request):
    """`strength` is the entropy in bits: 128 gives 12 words, 256 gives 24."""

    strength: Strength = 128


class ValidateMnemonic(Request):
    mnemonic: Words


class MnemonicToKey(Request):
    """`path` as in m/44'/60'/0'/0/0."""

    mnemonic: Words
    path: Annotated[str, StringConstraints(max_length=128)]


class EncryptKey(Request):
    private_key: Secret
    passphrase: Secret


class DecryptKey(Request):
    """`encrypted_key` is a keystore of version 3, as an object or its JSON text."""

    encrypted_key: Annotated[dict[str, Any] | str, Field(repr=False)]
    passphrase: Secret


class KeyPair(Resource):
    """`public_key`: 0x, 04 and both coordinates."""

    private_key: Annotated[str, Field(repr=False)]
    public_key: str
    address: str

    @classmethod
    def of(cls, pair: accounts.KeyPair) -> KeyPair:
        public = f"0x04{pair.public_key.hex()}"
        return cls(private_key=f"0x{pair.private_key.hex()}", public_key=public, address=pair.address)


class Mnemonic(Resource):
    mnemonic: Annotated[str, Field(repr=False)]


class Validity(Resource):
    valid: bool


class EncryptedKey(Resource):
    """A keystore of version 3 (scrypt)."""

    encrypted_key: dict[str, Any]


class PrivateKey(Resource):
    private_key: Annotated[str, Field(repr=False)]
