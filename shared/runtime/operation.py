"""Declare an operation's triggers, once; everything else is generated from the declaration.

    @http("POST", "/claims", permission="claim:execute", request=ClaimOrder, answer=Claim, status=201,
          idempotency="required", publishes=("claim-events",))
    @message("claim-commands", type="claim.claim", request=ClaimOrder)
    def claim_order(request: ClaimOrder, caller: Caller) -> Claim: ...

`@message` without `request` is a reaction: `on_something(event: Event) -> None`. `@schedule` calls its function
without arguments. The catalog, OpenAPI, the local gateway, Pub/Sub subscriptions and Terraform read `catalog()`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from shared.runtime import subscription_filter, trust
from shared.runtime.context import Rights

F = TypeVar("F", bound=Callable[..., Any])
# vault: seals secrets; signer: opens them; issuer: signs access tokens; mail: sends mail; relay: publishes to any
# topic; webhook_seal: seals the keys that sign deliveries; webhooks: opens those, and calls servers that users name
Need = Literal[
    "spanner", "pubsub", "cache", "chain", "vault", "signer", "issuer", "mail", "relay", "webhook_seal", "webhooks"
]  # fmt: skip
API = "/api/v1"
EVENT_STREAM = "text/event-stream"
WEBSOCKET = "websocket"  # the media type of an operation whose answer is a connection
STREAMS = (EVENT_STREAM, WEBSOCKET)
PUBLIC = "public"  # the permission of an operation that everybody may call
SELF = "self"  # of one about the caller: every identified caller may call it
_ROOT = Path(__file__).parents[2]
MAX_BODY = 256 * 1024  # bytes of a request, unless its route allows more
BODY_WITH_ABI = 1280 * 1024  # for a request that may contain an ABI of 1 MiB and byte code
MAX_NAME = 27  # service accounts have the name fn-<name> and at most 30 characters


def path_pattern(path: str) -> re.Pattern[str]:
    """The pattern of a path; each parameter in braces becomes a group with its name."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + r"\Z")


@dataclass(frozen=True)
class HttpTrigger:
    """An HTTP route. `path` is absolute; path parameters in braces join the body under the same names.

    `others` says whose rows the operation reaches besides the caller's own. Its body enforces this (`Caller.sees`,
    `acts_for`), the table in docs/identity.md shows it, and a test compares both. `see`: those of users whom a caller
    with read access to all sees (default for GET) · `act`: those of users for whom the caller acts (default otherwise)
    · `any`: everybody's (default for administration) · `owner`: nobody's · `approver`: where a policy names the caller
    · or a permission that reaches everybody's."""

    method: str
    path: str
    permission: str
    request: type[Any] | None
    answer: type[Any] | None
    status: int
    idempotency: Literal["none", "optional", "required"]
    also: tuple[int, ...] = ()  # other success statuses; 204 has no body
    media: str = "application/json"
    writes: bool = True  # in Spanner; otherwise the nearest region serves it, with read rights only
    shared: bool = False  # the answer is the same for everybody: a CDN may cache it as its headers allow
    proven: bool = False  # only after the mailbox of the account is proved
    person: bool = False  # no API key, no command, and nobody who acts for another user
    others: str = "owner"
    location: str = ""  # of the result of a 201 or 202: a path with fields of the answer in braces
    largest: int = MAX_BODY  # bytes of a body

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return path_pattern(self.path)


@dataclass(frozen=True)
class MessageTrigger:
    """A subscription to `topic`: for commands with a `request`, otherwise a reaction to events.

    `unless`: attribute values that exclude a message."""

    topic: str
    types: tuple[str, ...]
    request: type[Any] | None
    unless: Mapping[str, str] = field(default_factory=dict)

    @property
    def filter(self) -> str:
        """The Pub/Sub filter; "" for none."""
        return subscription_filter.text(self.topic, self.types, self.unless)


@dataclass(frozen=True)
class ScheduleTrigger:
    """Started every `seconds` locally, by `cron` (at most each minute) in production."""

    seconds: float
    cron: str


@dataclass
class Operation:
    """One function and all its declarations."""

    name: str
    function: Callable[..., Any]
    needs: frozenset[str] = frozenset({"spanner"})
    publishes: frozenset[str] = frozenset()  # topics on which its commits announce events
    https: list[HttpTrigger] = field(default_factory=list)
    messages: list[MessageTrigger] = field(default_factory=list)
    schedules: list[ScheduleTrigger] = field(default_factory=list)

    @property
    def module(self) -> str:
        return self.function.__module__

    @property
    def group(self) -> str:
        return self.module.split(".")[-2]

    @property
    def service(self) -> str:
        """The name of its service in a deployment."""
        return self.name.replace("_", "-")

    @property
    def route(self) -> HttpTrigger:
        """The HTTP trigger, which defines who may run it by any trigger. Raises ValueError unless there is exactly
        one."""
        if len(self.https) != 1:
            raise ValueError(f"{self.name} has {len(self.https)} routes; its commands need one")
        return self.https[0]

    @property
    def trust(self) -> str:
        """The trust of the operation: in a deployment, it shares a service and rights with that group
        (`shared.runtime.trust`)."""
        streams = any(trigger.media in STREAMS for trigger in self.https)
        return trust.of(self.needs, exposed=bool(self.https), writes=self.writes, streams=streams)

    @property
    def writes(self) -> bool:
        """Whether it changes anything in Spanner; otherwise it gets no right to write."""
        return bool(self.messages or self.schedules) or any(trigger.writes for trigger in self.https)

    @property
    def summary(self) -> str:
        return self._documentation.split("\n")[0]

    @property
    def description(self) -> str:
        """Its documentation besides the summary."""
        return self._documentation.partition("\n")[2].strip()

    @property
    def _documentation(self) -> str:
        return inspect.getdoc(self.function) or inspect.getdoc(importlib.import_module(self.module)) or ""

    @property
    def rights(self) -> Rights:
        """The rights of its runs."""
        return Rights(self.publishes, signs=self.signs, writes=self.writes)

    @property
    def signs(self) -> bool:
        return "signer" in self.needs


def http(
    method: str,
    path: str,
    *,
    permission: str,
    request: type[Any] | None = None,
    answer: type[Any] | None = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    media: str = "application/json",
    idempotency: Literal["none", "optional", "required"] | None = None,
    writes: bool | None = None,
    shared: bool = False,
    person: bool = False,
    proven: bool | None = None,
    others: str | None = None,
    location: str = "",
    largest: int = MAX_BODY,
    needs: tuple[Need, ...] = (),
    publishes: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Serve `method path` (below /api/v1 unless it starts with //). `idempotency` defaults to optional for POST.

    Every method except GET `writes` by default. An operation that is neither a read nor about the caller's own account
    requires a `proven` mailbox by default. For `others` see HttpTrigger."""
    if shared and (method != "GET" or permission != PUBLIC):
        raise ValueError(f"{method} {path}: only what anybody may GET has an answer to share")
    trigger = HttpTrigger(
        method=method,
        path=path[1:] if path.startswith("//") else API + path,
        permission=permission, request=request, answer=answer, status=status, also=also, media=media,
        idempotency=idempotency or ("optional" if method == "POST" else "none"),
        writes=method != "GET" if writes is None else writes,
        proven=_moves(method, permission) if proven is None else proven,
        others=others or _others(method, permission),
        location=location and API + location,
        shared=shared, person=person, largest=largest,
    )  # fmt: skip
    return _declare(lambda operation: operation.https.append(trigger), needs, publishes)


def _moves(method: str, permission: str) -> bool:
    """Whether it does something with money, keys or webhooks, other than reads and the caller's own account."""
    return method != "GET" and permission not in (PUBLIC, SELF) and not permission.endswith(":read")


def _others(method: str, permission: str) -> str:
    if permission in (PUBLIC, SELF):
        return "owner"
    if permission.split(":", maxsplit=1)[0] in ("admin", "audit"):
        return "any"
    return "see" if method == "GET" else "act"


def message(
    topic: str,
    *,
    type: str | tuple[str, ...],  # noqa: A002 - the CloudEvents attribute
    request: type[Any] | None = None,
    unless: Mapping[str, str] | None = None,
    needs: tuple[Need, ...] = (),
    publishes: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Receive CloudEvents of `type` from `topic`, except messages with an attribute in `unless`. With `request`, they
    are commands with that schema."""
    types = (type,) if isinstance(type, str) else type
    trigger = MessageTrigger(topic, types, request, unless or {})
    return _declare(lambda operation: operation.messages.append(trigger), needs, publishes)


def schedule(
    *,
    seconds: float,
    cron: str = "* * * * *",
    needs: tuple[Need, ...] = (),
    publishes: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Start regularly: every `seconds` locally, by `cron` in production (at most once a minute)."""
    trigger = ScheduleTrigger(seconds, cron)
    return _declare(lambda operation: operation.schedules.append(trigger), needs, publishes)


def _declare(
    add: Callable[[Operation], None], needs: tuple[str, ...], publishes: tuple[str, ...]
) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        operation = getattr(function, "operation", None)
        if operation is None:
            operation = Operation(function.__name__, function)
            function.operation = operation  # type: ignore[attr-defined]
        operation.needs |= set(needs) | ({"pubsub"} if publishes else set())
        operation.publishes |= set(publishes)
        add(operation)
        return function

    return decorate


def operation_of(module: ModuleType) -> Operation:
    """The operation that a module under functions/ declares. Raises TypeError if it declares none."""
    name = module.__name__.rsplit(".", 1)[-1]
    operation = getattr(getattr(module, name, None), "operation", None)
    if not isinstance(operation, Operation):
        raise TypeError(f"{module.__name__} declares no operation {name}")
    return operation


def modules() -> Iterator[str]:
    """The dotted names of all operation modules, without importing them."""
    root = _ROOT / "functions"
    for package in pkgutil.iter_modules([str(root)]):
        if package.ispkg:
            for entry in pkgutil.iter_modules([str(root / package.name)]):
                yield f"functions.{package.name}.{entry.name}"


@cache
def catalog() -> dict[str, Operation]:
    """Every operation by name. Imports all of functions/: for tools, the gateway and tests, not for a service."""
    operations: dict[str, Operation] = {}
    for name in sorted(modules()):
        operation = operation_of(importlib.import_module(name))
        if operation.name in operations or len(operation.name) > MAX_NAME:
            raise ValueError(f"the name {operation.name} is taken or longer than {MAX_NAME}")
        operations[operation.name] = operation
    return operations


def load(name: str) -> Operation:
    """One operation; imports only its module. Raises LookupError for an unknown name."""
    for module in modules():
        if module.rsplit(".", 1)[-1] == name:
            return operation_of(importlib.import_module(module))
    raise LookupError(f"there is no operation {name}")


def group(name: str) -> dict[str, Operation]:
    """The operations of one group by name; imports only their modules. Raises LookupError for an unknown group."""
    operations = [operation_of(importlib.import_module(m)) for m in modules() if m.split(".")[1] == name]
    if not operations:
        raise LookupError(f"there is no operation or group {name}")
    return {entry.name: entry for entry in operations}


def trusted(name: str) -> dict[str, Operation]:
    """The operations of one trust by name; imports only their modules, as listed in the generated catalog.

    Raises LookupError for an unknown trust, and for a catalog older than the code: an operation would run without the
    rights that it needs, or together with operations that it must not share a service with."""
    entries = json.loads((_ROOT / "schemas" / "catalog.json").read_text(encoding="utf-8"))["operations"]
    found = [
        operation_of(importlib.import_module(e["module"])) for e in entries.values() if e["trust"] == name
    ]
    if not found or any(entry.trust != name for entry in found):
        raise LookupError(f"the catalog has no operations of the trust {name}, or others than the code")
    return {entry.name: entry for entry in found}


def targeted(name: str) -> Mapping[str, Operation]:
    """The operations that FUNCTION_TARGET names: one, a group's, a trust's (`trust_…`), or all of them for "". Imports
    only their modules. Raises LookupError."""
    if not name:
        return catalog()
    if name.startswith("trust_"):
        return trusted(name.removeprefix("trust_"))
    if any(module.split(".")[1] == name for module in modules()):
        return group(name)
    return {name: load(name)}
