"""Second factors: authenticator apps, recovery codes and passkeys. Codes and credentials are secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from schemas.base import Id, Instant, Label, Page, PageQuery, Request, Resource
from shared.identity import passkeys

if TYPE_CHECKING:
    from shared.store.tables.sign_ins import Passkey as PasskeyRow


def _typed(code: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9A-Za-z -]+", code.get_secret_value()):
        raise PydanticCustomError("code", "must be digits, or a recovery code")
    return code


Code = Annotated[SecretStr, Field(min_length=6, max_length=64), AfterValidator(_typed)]


def _bounded(credential: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(credential)) > passkeys.MAX_BYTES:
        raise PydanticCustomError("credential", "is too large")
    return credential


Credential = Annotated[dict[str, Any], AfterValidator(_bounded)]  # as a browser's `toJSON` gives it


class AddPasskey(Request):
    """`credential` is the result of `navigator.credentials.create` for the options."""

    name: Label
    credential: Credential


class VerifyPasskey(Request):
    """`credential` is the result of `navigator.credentials.get` for the challenge."""

    credential: Credential


class DeletePasskey(Request):
    passkey_id: Id


class ListPasskeys(PageQuery):
    pass


class PasskeyOptions(Resource):
    """`publicKey` for the browser (WebAuthn Level 3, JSON). Its challenge is valid once, for five minutes."""

    options: dict[str, Any]


class Passkey(Resource):
    id: str
    name: str
    last_used_at: Instant | None
    created_at: Instant

    @classmethod
    def of(cls, row: PasskeyRow) -> Passkey:
        return cls(id=row.id, name=row.name, last_used_at=row.last_used_at, created_at=row.created_at)


class PasskeyPage(Page[Passkey]):
    """The caller's passkeys."""


class AddedPasskey(Resource):
    """`recovery_codes` are shown once, with the first second factor."""

    passkey: Passkey
    recovery_codes: Annotated[list[str] | None, Field(repr=False)]


class VerifyCode(Request):
    """Six digits of the authenticator app, or a recovery code."""

    code: Code


class Enrolment(Resource):
    """The otpauth URI for the authenticator app, shown once. The factor counts after its first code was verified."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"uri"})

    uri: Annotated[str | None, Field(repr=False)]


class StepUp(Resource):
    """An access token that records the proof of the second factor. `recovery_codes` are shown once, with the
    first code.
    """

    token: Annotated[str, Field(repr=False)]
    expires_at: Instant
    recovery_codes: Annotated[list[str] | None, Field(repr=False)] = None
