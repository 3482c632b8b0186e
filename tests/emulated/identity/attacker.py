"""A continuous attacker: random calls and commands of several principals, each checked against the generated table of
permissions and the wallet's policy. It is seeded: a failure prints the seed that repeats it.

A step is one call. A forbidden call is refused as hidden or forbidden, and changes nothing in the store except the
records of requests. A transaction that a policy does not allow is never accepted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from schemas.contract import permissions
from shared import resources
from shared.domain.permissions import ROLES, USER_PERMISSIONS
from shared.runtime.operation import SELF, HttpTrigger
from tests.emulated.desk.world import NO_CACHE, Desk
from tests.emulated.identity.test_every_object import BODIES, FRIEND, filled, rows
from tests.emulated.identity.test_roles import AT_NO_VERSION, commands, concerned
from tests.emulated.wallets.samples import typed
from tests.support.inprocess import Answer, command

THIEF = "0x000000000000000000000000000000000000dEaD"
MOST = 10**17  # wei per transaction, fees included
RULES = {
    "allowed_recipients": [FRIEND],
    "allowed_contracts": ["0x00000000000000000000000000000000000000C1"],
    "limits": [{"asset": "native", "max_per_transaction": str(MOST), "max_per_day": str(MOST * 10)}],
}
TRANSFER = f"0xa9059cbb{FRIEND[2:]:0>64}{1:064x}"  # a token that is not on the list
SIGN_IN = "{site} wants you to sign in with your Ethereum account:\n{address}\n\n"
TOLD = {"audit", "operations", "outbox", "events", "inbox", "api_keys", "sign_in_guards", "timers"}
STEP_UP = ("POST /auth/api-keys", "POST /wallets/{wallet_id}/export")
REFUSED = (401, 403, 404)
NOTHING_DONE = (
    204,
    409,
    422,
)  # a token may still read after its sign-in has ended, and such a check may come first


class Breach(AssertionError):
    """Somebody did something forbidden."""


@dataclass(frozen=True)
class Principal:
    """How somebody calls, and whether they may do this to the victim's things."""

    name: str
    headers: Mapping[str, str]
    may: Callable[[HttpTrigger], bool]


@dataclass
class Attacker:
    """One victim who owns everything, and the attackers."""

    desk: Desk
    theirs: dict[str, str]
    ended: str  # a token of the victim from an ended sign-in
    seed: int
    wallet: str = ""
    principals: list[Principal] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.wallet = self.desk.imported(self.theirs["id"], ether=5)
        rules = f"/wallets/{self.wallet}/policy"
        self.desk.app.ok(200, "PUT", rules, RULES, user=self.theirs["id"])
        self.principals = list(self._principals())
        self.before = self._stored()
        self.thief = self.desk.balance(THIEF)

    def _principals(self) -> list[Principal]:
        app, owner = self.desk.app, self.theirs["id"]
        found = [Principal("anonymous", {}, lambda _: False)]
        for role in ROLES:
            reaches = [lambda trigger, role=role: permissions.reach(trigger, role) == permissions.ALL]
            found.append(Principal(role, _bearer(app.token("usr_x", role)), reaches[0]))
        ended = _bearer(self.ended)
        found.append(Principal("ended", ended, lambda trigger: trigger.permission.endswith(":read")))
        stranger = self.desk.person()
        for scope in sorted(USER_PERMISSIONS):
            for who, mine in ((owner, True), (stranger, False)):
                found.append(self._key(who, scope, mine))
        return found

    def _key(self, user: str, scope: str, mine: bool) -> Principal:
        body = {"name": scope, "scopes": [scope]}
        text = self.desk.app.ok(201, "POST", "/auth/api-keys", body, user=user)["api_key"]
        whose = "owner" if mine else "stranger"

        def may(trigger: HttpTrigger) -> bool:
            return mine and not trigger.person and trigger.permission in (SELF, scope)

        return Principal(f"{whose}'s key {scope}", {"x-api-key": text}, may)

    def run(self, steps: int) -> None:
        """Run the steps. Raises Breach, which names seed and step."""
        moves = (self._object, self._object, self._object, self._send, self._sign, self._command, self._stale)
        for _ in range(steps):
            self.done += 1
            self.random.choice(moves)()
        if self.desk.balance(THIEF) != self.thief:
            raise self._breach("the thief was paid")

    def _object(self) -> None:
        """Call a route on the victim's object as any principal."""
        route, trigger = self.random.choice(list(concerned(self.theirs)))
        nearest = [one for one in self.principals if one.name == f"owner's key {trigger.permission}"]
        who = self.random.choice(nearest if nearest and self.random.random() < 0.3 else self.principals)
        may = who.may(trigger)
        headers = dict(who.headers) | NO_CACHE | (AT_NO_VERSION if may else {})
        names = self.theirs | {"wallet_id": self.random.choice((self.theirs["wallet_id"], self.wallet))}
        answer = self._call(route, names, headers, BODIES.get(route))
        if may:
            self.before = self._stored()
        else:
            refused = answer.status in REFUSED or (who.name == "ended" and answer.status in NOTHING_DONE)
            self._held(f"{who.name}: {route}", refused, answer)

    def _send(self) -> None:
        """Send within the rights of the victim's own key, perhaps outside of the wallet's policy."""
        to, value = self.random.choice((FRIEND, THIEF)), self.random.choice((1, MOST // 5, MOST + 1, 10**18))
        data = self.random.choice(
            ("0x", "0x", "0x00", f"0xa9059cbb{'00' * 64}", f"0x095ea7b3{'ff' * 64}00", TRANSFER)
        )
        body = {"wallet_id": self.wallet, "to": to, "value": str(value), "data": data}
        answer = self._call("POST /transactions", {}, self._owners("transaction:send"), body)
        if to == THIEF or value > MOST or data != "0x":
            self._held(f"sends {value} and {data[:12]} to {to}", answer.status == 422, answer)
        else:
            self.before = self._stored()

    def _sign(self) -> None:
        """Sign with a key for a wallet with rules: neither sign-ins, nor hashes, nor unreadable data are allowed."""
        site = resources.settings().siwe_domains[0]
        kind, body = self.random.choice(
            (
                ("message", {"message": SIGN_IN.format(site=site, address=THIEF)}),
                ("message", {"message": "0x" + f"{self.random.getrandbits(256):064x}"}),
                ("typed-data", {"typed_data": typed()}),
            )
        )
        headers = self._owners("wallet:sign")
        answer = self._call(f"POST /wallets/{self.wallet}/sign-{kind}", {}, headers, body)
        self._held(f"signs {kind}", answer.status in (403, 422), answer)

    def _command(self) -> None:
        """Send a stranger's command that names the victim's object."""
        name, kind, trigger = self.random.choice(list(commands()))
        route = f"{trigger.method} {trigger.path.removeprefix('/api/v1')}"
        ids = {one: self.theirs[one] for one in trigger.pattern.groupindex if one in self.theirs}
        data = {**(filled(BODIES.get(route), self.theirs) or {}), **ids}
        if ids or route in BODIES:
            answer = self.desk.app.push(name, command(kind, "usr_x", data))
            self._held(f"command {kind}", answer.status == 204, answer)

    def _stale(self) -> None:
        """Use the victim's own token an hour after the sign-in: it allows no step-up."""
        now = resources.clock().now()
        token = resources.tokens().issue(
            self.theirs["id"], ("user",), "basic", session_id="ses_old", now=now, factors=("pwd",),
            authenticated_at=now - timedelta(hours=1),
        ).token  # fmt: skip
        route = self.random.choice(STEP_UP)
        body = {"name": "k", "scopes": ["wallet:read"]} if "keys" in route else {"format": "private_key"}
        answer = self._call(route, self.theirs, _bearer(token), body)
        self._held(f"without step-up: {route}", answer.status in REFUSED, answer)

    def _owners(self, scope: str) -> Mapping[str, str]:
        return next(one.headers for one in self.principals if one.name == f"owner's key {scope}")

    def _call(self, route: str, names: dict[str, str], headers: Mapping[str, str], body: Any) -> Answer:
        method, path = route.split(" ")
        return self.desk.app.call(method, str(filled(path, names)), filled(body, names), headers=headers)

    def _held(self, what: str, refused: bool, answer: Answer) -> None:
        after = self._stored()
        if not refused:
            raise self._breach(f"{what}: {answer.status} {answer.text[:200]}")
        if after != self.before:
            changed = [name for name, value in after.items() if value != self.before[name]]
            raise self._breach(f"{what} changed {changed}")

    def _stored(self) -> dict[str, list[Any]]:
        return {name: value for name, value in rows().items() if name not in TOLD}

    def _breach(self, what: str) -> Breach:
        return Breach(f"{what} (SEED={self.seed}, step {self.done})")


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
