"""Settings from the environment, read once. Every variable is optional in local runs.

`ENVIRONMENT` is `local` or a deployment's name (`dev`, `staging`, `prod`); only `local` allows keys in files,
wide throttles and pushes authenticated by a per-run token.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

EMBEDDABLE = frozenset({"spanner", "pubsub", "firestore"})
LOCAL_ORIGINS = "http://localhost:*,http://127.0.0.1:*"
LOCAL_DOMAINS = "localhost,localhost:8080,127.0.0.1,127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Times are seconds. docs/settings.md describes the variables that they come from."""

    environment: str
    region: str
    project: str
    spanner_instance: str
    spanner_database: str
    cache_database: str
    default_chain: str
    rpc_urls: Mapping[str, tuple[str, ...]] = field(repr=False)
    chain_tokens: str
    max_inflight: str
    push_token: str = field(repr=False)
    push_audience: str
    push_service_account: str
    state_dir: str
    fingerprint_key: bytes = field(repr=False)
    token_issuer: str
    site_url: str  # the origin of our own pages, for links in mails
    token_audience: str
    token_keys_file: str
    kms_key: str
    request_seconds: float
    handler_seconds: float
    claim_lease_seconds: int
    cache_enabled: bool
    smtp_url: str = field(default="", repr=False)
    mail_sender: str = ""
    rate_limits: Mapping[str, int] = field(default_factory=dict)  # requests per hour, by tier or operation
    account_limits: Mapping[str, int] = field(default_factory=dict)  # what one account may have, by kind
    limits_database: str = "(default)"  # the Firestore database with the counters of rate limits
    forwarded_hops: int = 0  # our own proxies that append to X-Forwarded-For
    balancer_addresses: tuple[str, ...] = ()  # appended by the balancer after the caller's address
    siwe_domains: tuple[str, ...] = ()  # sites whose pages may ask a wallet to sign in here
    cors_origins: tuple[str, ...] = ()  # sites whose pages may call the API, such as https://app.example.com
    top_ups: str = ""  # by chain, see `shared.domain.transactions.low_balances.rules`; "": no top-ups
    revision: str = ""  # the service's revision, as set by Cloud Run
    sign_in_attempts: int = 10  # wrong passwords from one network before it must wait
    require_verified_email: bool = False  # for operations with money, keys and webhooks
    policy_delay_seconds: int = 86_400  # before a looser policy applies
    events_together: bool = False  # the events of a commit share rows of the outbox and of feeds
    work_after_answers: bool = False  # the processor stays after an answer, so no answer waits for Pub/Sub
    # Asked before each payout; "": all payouts are allowed.
    screening_url: str = field(default="", repr=False)
    webhook_local_targets: bool = False  # webhooks may be delivered to this machine, by http
    webhook_kms_key: str = ""  # wraps only the secrets that sign webhook deliveries
    embedded: frozenset[str] = frozenset()  # services of EMBEDDABLE that run inside this process
    embedded_file: str = ""  # the SQLite file of the embedded store and queue

    @property
    def local(self) -> bool:
        return self.environment == "local"

    @property
    def token_keys_path(self) -> Path:
        """The file of the key ring that signs access tokens."""
        return Path(self.token_keys_file or f"{self.state_dir}/token-keys.json")


class NothingNamed(Exception):
    """The environment names neither services nor a project, so a command would start with a new, empty store. The text
    is for the person who typed the command."""

    def __init__(self) -> None:
        super().__init__(
            "The environment does not say which store and keys to use: start `make run`, and connect this shell with"
            ' `eval "$(.venv/bin/python -m emulators env)"`; or set ENVIRONMENT and GOOGLE_CLOUD_PROJECT.'
        )


def require_named(*others: str, env: Mapping[str, str] = os.environ) -> None:
    """Raises NothingNamed unless the environment names a store, or sets one of the variables `others`."""
    leading = ("EMBEDDED", "SPANNER_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", *others)
    if env.get("ENVIRONMENT", "local") == "local" and not any(env.get(name) for name in leading):
        raise NothingNamed


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings from the environment. Raises ValueError naming a variable that is wrong or missing."""
    local = env.get("ENVIRONMENT", "local") == "local"
    return Settings(
        environment=env.get("ENVIRONMENT", "local"),
        region=env.get("REGION", "local"),
        project=_required(env, "GOOGLE_CLOUD_PROJECT", "local-project" if local else None),
        spanner_instance=env.get("SPANNER_INSTANCE", "wallet"),
        spanner_database=env.get("SPANNER_DATABASE", "wallet"),
        cache_database=env.get("CACHE_DATABASE", "(default)"),
        default_chain=env.get("DEFAULT_CHAIN", "local" if local else "ethereum"),
        push_token=env.get("PUSH_TOKEN", ""),
        push_audience=env.get("PUSH_AUDIENCE", ""),
        push_service_account=env.get("PUSH_SERVICE_ACCOUNT", ""),
        state_dir=env.get("STATE_DIR", ".run/state"),
        fingerprint_key=_required(env, "FINGERPRINT_KEY", "local-fingerprint" if local else None).encode(),
        token_issuer=env.get("TOKEN_ISSUER", "https://wallet.local" if local else ""),
        site_url=env.get("SITE_URL", "http://localhost:8080" if local else env.get("TOKEN_ISSUER", "")),
        token_audience=env.get("TOKEN_AUDIENCE", "wallet-api"),
        token_keys_file=env.get("TOKEN_KEYS_FILE", ""),
        kms_key=env.get("KMS_KEY", ""),
        request_seconds=float(env.get("REQUEST_SECONDS", "30" if local else "2")),
        handler_seconds=float(env.get("HANDLER_SECONDS", "45")),
        claim_lease_seconds=int(env.get("CLAIM_LEASE_SECONDS", "900")),
        cache_enabled=env.get("CACHE", "on") != "off",
        smtp_url=env.get("SMTP_URL", ""),
        mail_sender=env.get("MAIL_SENDER", ""),
        rate_limits=_rate_limits(env, local),
        account_limits=_account_limits(env),
        limits_database=env.get("LIMITS_DATABASE", env.get("CACHE_DATABASE", "(default)")),
        forwarded_hops=int(env.get("FORWARDED_HOPS", "0" if local else "2")),
        balancer_addresses=tuple(filter(None, env.get("BALANCER_ADDRESSES", "").split(","))),
        top_ups=env.get("TOP_UPS", ""),
        revision=env.get("K_REVISION", ""),
        policy_delay_seconds=int(env.get("POLICY_DELAY_SECONDS", "86400")),
        events_together=_flag(env, "EVENTS_TOGETHER", default=local),
        work_after_answers=_flag(env, "WORK_AFTER_ANSWERS", default=False),
        screening_url=_screening_url(env, local),
        **(_chains(env) | _sign_in(env, local) | _webhooks(env, local) | _embedded(env, local)),
    )


def _chains(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings about chains: their nodes, and the deployment's additions to the registry."""
    return {
        "rpc_urls": _rpc_urls(env),
        "chain_tokens": _of_chains(env, "CHAIN_TOKENS"),
        "max_inflight": _of_chains(env, "MAX_INFLIGHT"),
    }


def _sign_in(env: Mapping[str, str], local: bool) -> dict[str, Any]:
    """The settings about callers: the pages that may call, and how people sign in."""
    return {
        "cors_origins": _origins(env, local),
        "siwe_domains": tuple(
            filter(None, env.get("SIWE_DOMAINS", LOCAL_DOMAINS if local else "").split(","))
        ),
        "sign_in_attempts": int(env.get("SIGN_IN_ATTEMPTS", "1000" if local else "10")),
        "require_verified_email": _flag(env, "REQUIRE_VERIFIED_EMAIL", default=not local),
    }


def _origins(env: Mapping[str, str], local: bool) -> tuple[str, ...]:
    """The origins of CORS_ORIGINS: scheme, host and port; locally `*` stands for any port. Raises ValueError."""
    named = env.get("CORS_ORIGINS", LOCAL_ORIGINS if local else "")
    origins = tuple(origin.strip() for origin in named.split(",") if origin.strip())
    form = r"https?://[a-z0-9.-]+(:(\d{1,5}|\*))?" if local else r"https://[a-z0-9.-]+(:\d{1,5})?"
    for origin in origins:
        if not re.fullmatch(form, origin):
            raise ValueError(
                f"the environment variable CORS_ORIGINS names {origin[:80]!r}, which is no origin such as "
                "https://app.example.com"
            )
    return origins


def _webhooks(env: Mapping[str, str], local: bool) -> dict[str, Any]:
    """The settings about webhooks. Raises ValueError if a deployment would deliver to its own network."""
    wanted = _flag(env, "WEBHOOK_LOCAL_TARGETS", default=local)
    if wanted and not local:
        raise ValueError("the environment variable WEBHOOK_LOCAL_TARGETS is for local runs: unset it")
    return {"webhook_local_targets": wanted, "webhook_kms_key": env.get("WEBHOOK_KMS_KEY", "")}


def _embedded(env: Mapping[str, str], local: bool) -> dict[str, Any]:
    """The embedded services. Raises ValueError in a deployment, which always uses Spanner, Pub/Sub and Firestore."""
    names = frozenset(filter(None, env.get("EMBEDDED", "").split(",")))
    if names and not local:
        raise ValueError("the environment variable EMBEDDED is for local runs: unset it, or ENVIRONMENT")
    if unknown := names - EMBEDDABLE:
        raise ValueError(f"the environment variable EMBEDDED names {', '.join(sorted(unknown))}")
    return {"embedded": names, "embedded_file": env.get("EMBEDDED_FILE", ".run/state/store.sqlite")}


def _of_chains(env: Mapping[str, str], name: Literal["CHAIN_TOKENS", "MAX_INFLIGHT"]) -> str:
    """The JSON text of an addition to the registry. Raises ValueError for a wrong one.

    It is checked before anything is served, because a wrong number of decimals would be a wrong amount of money."""
    if text := env.get(name, ""):
        from shared.chain.registry import Registry

        try:
            Registry.configured(**{"extra_tokens" if name == "CHAIN_TOKENS" else "max_inflight": text})
        except ValueError as error:
            raise ValueError(f"the environment variable {name} is wrong: {error}") from None
    return text


def _screening_url(env: Mapping[str, str], local: bool) -> str:
    """The URL of the screening service. Raises ValueError unless it is https (locally also http), because its answers
    decide about money."""
    url = env.get("SCREENING_URL", "")
    try:
        parts = urlsplit(url)
        _ = parts.port
        usable = parts.scheme in (("http", "https") if local else ("https",)) and bool(parts.hostname)
    except ValueError:
        usable = False
    if url and (not usable or "@" in parts.netloc):
        raise ValueError("the environment variable SCREENING_URL must be an https URL without a user")
    return url


def _rate_limits(env: Mapping[str, str], local: bool) -> dict[str, int]:
    """Requests per hour from `RATE_LIMITS` ("basic=100,register_user=60"). All other limits have their documented
    values; in local runs they are very high."""
    known = {
        "basic": 100,
        "premium": 1_000,
        "enterprise": 10_000,
        "public": 600,  # of one network, for each public operation
        "register_user": 60,
        "request_reset": 20,
        "mails_to_address": 5,  # of one kind that anybody can ask for, from all networks together
        "redrive": 1_000,  # dead letters, by all operators together
        "filled_events": 250_000,  # of earlier blocks, stored for the follows of one account
    }
    limits = dict.fromkeys(known, 1_000_000) if local else known
    for part in filter(None, env.get("RATE_LIMITS", "").split(",")):
        name, _, value = part.partition("=")
        limits[name.strip()] = int(value)
    return limits


def _account_limits(env: Mapping[str, str]) -> dict[str, int]:
    """What one account may have, from `ACCOUNT_LIMITS` ("contracts=2500,follows=2000"). Raises ValueError for another
    kind."""
    limits = {
        # With those that factories have added. An account with as many can be erased in one commit.
        "contracts": 2_500,
        "follows": 2_000,  # contracts whose events are indexed, with those that factories have added
    }
    for part in filter(None, env.get("ACCOUNT_LIMITS", "").split(",")):
        name, _, value = part.partition("=")
        if name.strip() not in limits or not value.strip().isdecimal():
            raise ValueError(f"the environment variable ACCOUNT_LIMITS must not contain {part!r}")
        limits[name.strip()] = int(value)
    return limits


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, "on" if default else "off")
    if value not in ("on", "off"):
        raise ValueError(f"the environment variable {name} must be on or off")
    return value == "on"


def _required(env: Mapping[str, str], name: str, default: str | None) -> str:
    value = env.get(name, default)
    if not value:
        raise ValueError(f"the environment variable {name} must be set")
    return value


def _rpc_urls(env: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The URLs of each chain's nodes: `RPC_URL_<CHAIN>`, separated by commas; `RPC_URL` is for the local chain."""
    urls = {
        name.removeprefix("RPC_URL_").lower(): tuple(url.strip() for url in value.split(",") if url.strip())
        for name, value in env.items()
        if name.startswith("RPC_URL_")
    }
    if env.get("RPC_URL"):
        urls.setdefault("local", tuple(env["RPC_URL"].split(",")))
    return urls
