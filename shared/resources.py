"""The composition root: each external dependency of operations, created once, when it is first used.

Tests replace dependencies with `override(database=…, clock=…)` and patch no modules.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared.settings import Settings, load

if TYPE_CHECKING:
    from shared.adapters.cache import Cache
    from shared.adapters.mail import Mail
    from shared.adapters.pubsub import Publisher
    from shared.adapters.rate_limits import Limiter
    from shared.adapters.screening import Screening
    from shared.chain.client import ChainClient
    from shared.chain.registry import Registry
    from shared.identity.passwords import Passwords
    from shared.identity.token_file import TokenFile
    from shared.identity.tokens import AccessTokens
    from shared.keys.kms_client import KmsCalls
    from shared.keys.vault import KeyVault
    from shared.runtime.clock import Clock
    from shared.store.port import Database

T = TypeVar("T")
_made: dict[str, Any] = {}
_lock = threading.RLock()


def _once(name: str, make: Callable[[], T]) -> T:
    """The instance of this name, made at its first use; the type is that of `make`, also for a replacement."""
    made = _made.get(name)
    if made is None:
        with _lock:
            made = _made.get(name)
            if made is None:
                made = _made[name] = make()
    return cast(T, made)


def settings() -> Settings:
    return _once("settings", load)


def clock() -> Clock:
    from shared.runtime.clock import SystemClock

    return _once("clock", SystemClock)


def database() -> Database:
    def make() -> Database:
        chosen = settings()
        if "spanner" in chosen.embedded:
            from shared.store.sqlite import database as sqlite

            return sqlite.connect(Path(chosen.embedded_file))
        from shared.store.spanner.database import connect

        return connect(chosen.project, chosen.spanner_instance, chosen.spanner_database)

    return _once("database", make)


def cache() -> Cache:
    def make() -> Cache:
        from shared.adapters.cache import FirestoreCache, NoCache

        chosen = settings()
        if not chosen.cache_enabled:
            return NoCache()
        if "firestore" in chosen.embedded:
            from shared.adapters.memory_documents import Documents

            return FirestoreCache(Documents(), clock())
        return FirestoreCache.connect(chosen.project, chosen.cache_database, clock())

    return _once("cache", make)


def publisher() -> Publisher:
    def make() -> Publisher:
        chosen = settings()
        if "pubsub" in chosen.embedded:
            from shared.adapters.message_queue import MessageQueue, QueuePublisher

            return QueuePublisher(MessageQueue(Path(chosen.embedded_file)))
        from shared.adapters.pubsub import PubSubPublisher

        return PubSubPublisher(chosen.project)

    return _once("publisher", make)


def chain(name: str) -> ChainClient:
    """The client of one chain. Raises UnknownChain if the deployment does not serve the chain."""

    def make() -> ChainClient:
        from shared.chain.client import ChainClient
        from shared.chain.registry import UnknownChain
        from shared.runtime.context import remaining_seconds

        spec = registry().chain(name)
        urls = settings().rpc_urls.get(name)
        if not urls:
            raise UnknownChain.beside(settings().rpc_urls, chain=name)
        return ChainClient.connect(spec, urls, remaining=lambda: remaining_seconds(60.0))

    return _once(f"chain:{name}", make)


def registry() -> Registry:
    """The chains and tokens of this deployment, as data without a connection."""

    def make() -> Registry:
        from shared.chain.registry import Registry

        known = settings()
        return Registry.configured(known.chain_tokens, known.rpc_urls, known.max_inflight)

    return _once("registry", make)


def vault() -> KeyVault:
    def make() -> KeyVault:
        chosen = settings()
        if chosen.kms_key:
            from shared.keys.kms_vault import CloudKmsVault

            return CloudKmsVault(chosen.kms_key)
        from shared.keys.local_vault import LocalVault, load_master_keys

        path = Path(chosen.state_dir) / "master-keys.json"
        keys = load_master_keys(path, create=chosen.local)
        return LocalVault(keys, production=not chosen.local, source=path)

    return _once("vault", make)


def webhook_vault() -> KeyVault:
    """Seals and opens the secrets that sign webhook deliveries. They have a separate key, so that the service that
    calls users' servers has no right to open wallets' keys. Local runs use the same master keys for both."""

    def make() -> KeyVault:
        from shared.keys.kms_vault import CloudKmsVault

        return CloudKmsVault(settings().webhook_kms_key)

    return _once("webhook_vault", make) if settings().webhook_kms_key else vault()


def kms() -> KmsCalls:
    """The client of Cloud KMS, for keys that never leave it."""
    from shared.keys.kms_client import KmsCalls

    return _once("kms", KmsCalls)


def tokens() -> AccessTokens:
    """Issues and verifies access tokens. The key ring is a file locally, and a mounted secret in production."""

    def make() -> TokenFile | AccessTokens:
        from shared.identity.token_file import TokenFile

        chosen = settings()
        return TokenFile(
            chosen.token_keys_path,
            chosen.token_issuer,
            chosen.token_audience,
            create=chosen.local,
            owner_only=not chosen.token_keys_file,
        )

    from shared.identity.tokens import AccessTokens

    made = _once("tokens", make)
    return made if isinstance(made, AccessTokens) else made.current()  # tests replace it by tokens alone


def passwords() -> Passwords:
    """Hashes and verifies passwords; the number of simultaneous computations in this process is limited."""
    from shared.identity.passwords import Passwords

    return _once("passwords", Passwords)


def mail() -> Mail:
    """Sends mails through SMTP_URL; without it, local runs write them to a folder."""

    def make() -> Mail:
        from shared.adapters.mail import FileMail, NoMail, SmtpMail

        chosen = settings()
        if chosen.smtp_url:
            return SmtpMail(chosen.smtp_url, chosen.mail_sender)
        return FileMail(Path(chosen.state_dir) / "mail") if chosen.local else NoMail()

    return _once("mail", make)


def screening() -> Screening:
    """Asks the service at SCREENING_URL whether an address may be paid; without one, anyone may be paid."""

    def make() -> Screening:
        from shared.adapters.screening import AllowAll, HttpScreening

        url = settings().screening_url
        return HttpScreening(url) if url else AllowAll()

    return _once("screening", make)


def limiter() -> Limiter:
    """Counts requests for rate limits, together with all instances. A local run, and a deployment without a database
    for the counters, counts in this process only."""

    def make() -> Limiter:
        from shared.adapters.rate_limits import FirestoreCounters, Limiter, OwnCounters

        chosen = settings()
        shared = not chosen.local and bool(chosen.limits_database)
        counters = FirestoreCounters(chosen.project, chosen.limits_database) if shared else OwnCounters()
        return Limiter(counters, chosen.rate_limits)

    return _once("limiter", make)


def memory(kind: type[T]) -> T:
    """The one instance of a class of a higher room in this process, such as caches, threads and waiting callers.
    Nothing may depend on its content, which is lost with the process.

    Its name for `override` is the name of the class: `override(EngineHints=EngineHints())`."""
    return _once(kind.__name__, kind)


def reset(*names: str) -> None:
    """Forget all instances, or only the named ones; for tests, and after a fork."""
    with _lock:
        for name in names or tuple(_made):
            _made.pop(name, None)


@contextmanager
def override(fresh: bool = False, **replacements: Any) -> Iterator[None]:
    """Use these instances in the block, for example `override(database=MemoryDatabase())`.

    `fresh` hides all existing instances. Chains are named `chain:<name>`: `override(**{"chain:local": fake})`."""
    with _lock:
        before = dict(_made)
        if fresh:
            _made.clear()
        _made.update(replacements)
    try:
        yield
    finally:
        with _lock:
            _made.clear()
            _made.update(before)
