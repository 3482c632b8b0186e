"""Signing up and in. Passwords and tokens are secrets: they never appear in a model's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from schemas.base import (
    Flag,
    Id,
    Instant,
    ListQuery,
    Page,
    PageQuery,
    QueryFlag,
    Request,
    Resource,
    shown,
)
from schemas.second_factors import Code, Credential
from shared.domain import users

if TYPE_CHECKING:
    from shared.domain.permissions import Caller
    from shared.identity.refresh_tokens import RefreshFamily
    from shared.identity.tokens import SignedIn

NewPassword = Annotated[SecretStr, Field(min_length=8, max_length=256)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]
Token = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


Email = Annotated[str, StringConstraints(min_length=3, max_length=users.MAX_EMAIL)]
Role = Literal["user", "service", "operator", "admin"]
Tier = Literal["basic", "premium", "enterprise", "service"]
SecondFactor = Literal["totp", "passkey"]
Reason = Annotated[
    str,
    StringConstraints(min_length=8, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(shown),
]


class Register(Request):
    """The e-mail address is compared in lower case; the password has 8 to 256 characters."""

    email: Email
    password: NewPassword


class Login(Request):
    """If the account has a second factor: `otp`, six digits of the authenticator app or a recovery code; or
    `passkey`, the answer to the challenge that came with SECOND_FACTOR_REQUIRED.
    """

    email: Email
    password: Password
    otp: Code | None = None
    passkey: Credential | None = None


class Refresh(Request):
    """A refresh token is valid once; using it again ends the session."""

    refresh_token: Token


class ChangePassword(Request):
    """All other sessions end, and all API keys unless `end_api_keys` is false."""

    current: Password
    new: NewPassword
    end_api_keys: Flag = True


class RequestReset(Request):
    email: Email


Mail = Literal["password_reset", "verification", "registered_again"]


class MailRequested(Resource):
    """Which mail. The event's subject is the account, its sequence the time of the request."""

    mail: Mail


class ResetPassword(Request):
    """`token` is the one from the mail; it is valid once, for an hour."""

    token: Token
    password: NewPassword


class VerifyEmail(Request):
    """`token` is the one from the mail; it is valid for two days. `password` is that of the account: whoever
    reads the mailbox but does not know the password got the mail because of somebody else's account, and can
    choose a password by mail instead.
    """

    token: Token
    password: Password


class VerifySiwe(Request):
    """EIP-4361."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    signature: Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){1,4096}$")]
    otp: Code | None = None
    passkey: Credential | None = None


class ListUsers(ListQuery):
    """For administrators."""


class GetUser(Request):
    id: Id


class UpdateUser(Request):
    """For administrators; absent fields stay. The user in the path is `id`."""

    id: Id
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)] | None = None
    tier: Tier | None = None
    disabled: Flag | None = None


class Tokens(Resource):
    """`expires_at` is the access token's end."""

    token: Annotated[str, Field(repr=False)]
    refresh_token: Annotated[str, Field(repr=False)]
    expires_at: Instant

    @classmethod
    def of(cls, signed_in: SignedIn) -> Tokens:
        return cls(
            token=signed_in.token,
            refresh_token=signed_in.refresh_token,
            expires_at=signed_in.expires_at,
        )


class ConsoleSession(Resource):
    """An access token for the console's page and its expiry. The refresh token is in a cookie."""

    token: Annotated[str, Field(repr=False)]
    expires_at: Instant

    @classmethod
    def of(cls, signed_in: SignedIn) -> ConsoleSession:
        return cls(token=signed_in.token, expires_at=signed_in.expires_at)


class Jwk(Resource):
    """A P-256 public key (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class Jwks(Resource):
    """Every key that verifies access tokens now."""

    keys: list[Jwk]


class Nonce(Resource):
    nonce: str
    expires_at: Instant


class User(Resource):
    """An account as its owner and administrators see it."""

    id: str
    email: str | None
    address: str | None
    roles: list[Role]
    tier: Tier
    disabled: bool
    email_verified: bool
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, user: users.User) -> User:
        return cls.model_validate({name: getattr(user, name) for name in cls.model_fields})


class Me(User):
    """`permissions` are those of this caller: the scopes of a key, or what the roles grant. `second_factors` are those
    that a sign-in asks for. An API key sees no e-mail address, no wallet address and no second factors.
    """

    permissions: list[str]
    acting_for: str | None
    second_factors: list[SecondFactor] | None

    @classmethod
    def seen_by(cls, caller: Caller, user: users.User, second_factors: list[str]) -> Me:
        """What the caller sees of their own account."""
        hidden = {"email": None, "address": None} if caller.kind == "api_key" else {}
        mine = {
            "permissions": sorted(caller.permissions),
            "acting_for": caller.acting_for,
            "second_factors": None if caller.kind == "api_key" else second_factors,
        }
        return cls(**dict(User.of(user)) | hidden | mine)


class DeleteMe(Request):
    """`confirm`: the keys were exported or are not needed. Without it, an account with wallets is not deleted."""

    confirm: QueryFlag = False


class DeletedWallet(Resource):
    """The assets that were checked and found empty, by symbol: the coin and the registered tokens of its chain."""

    wallet_id: str
    chain: str
    address: str
    looked_at: list[str]


class AccountDeletion(Resource):
    """The account is deleted. Its keys are kept until `keys_kept_until`, and longer if a balance is found then."""

    wallets: list[DeletedWallet]
    not_looked_at: list[str]
    keys_kept_until: Instant


class AccountNotice(Resource):
    """A change in the security of an account: what changed, by whom and from where."""

    user_id: str
    at: Instant
    by: str
    session_id: str | None
    network: str
    user_agent: str
    details: dict[str, str]


class PersonalData(Resource):
    """Everything that is stored about a person, by kind; `cut` lists kinds with more rows than fit."""

    exported_at: Instant
    data: dict[str, list[dict[str, Any]]]
    cut: list[str]


class UserPage(Page[User]):
    """All accounts."""


class Session(Resource):
    """An active session. `user_agent` and `network` are those of its last refresh, `last_used_at` is its last
    refresh or proof; `current` marks the session of this request.
    """

    id: str
    factors: list[str]
    user_agent: str | None
    network: str | None
    current: bool
    authenticated_at: Instant
    last_used_at: Instant
    expires_at: Instant
    created_at: Instant

    @classmethod
    def of(cls, family: RefreshFamily, current: str | None) -> Session:
        return cls(
            id=family.id,
            factors=list(family.factors),
            user_agent=family.user_agent,
            network=family.network,
            current=family.id == current,
            authenticated_at=family.authenticated_at,
            last_used_at=family.updated_at,
            expires_at=family.expires_at,
            created_at=family.created_at,
        )


class SessionPage(Page[Session]):
    """The caller's sessions."""


class ListSessions(PageQuery):
    pass


class EndSession(Request):
    session_id: Id


class ActForUser(Request):
    """Emergency access. `reason` is kept in the audit log and shown to the user."""

    user_id: Id
    reason: Reason


class Acting(Resource):
    """A token with which an administrator may act for one user until `expires_at`. It cannot export keys."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"token"})

    user_id: str
    reason: str
    token: Annotated[str | None, Field(repr=False)]
    expires_at: Instant
