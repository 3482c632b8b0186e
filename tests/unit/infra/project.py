"""A project of Google Cloud that docs/deployment.md fills, command by command. It refuses what Google would refuse: a
right for an account that does not exist yet, a service whose image or secret has no version, an existing tag, a build
that nobody may approve."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from emulators.toolkit import ROOT
from tests.unit.docs.pages import Page

REGISTRY = "google_artifact_registry_repository.images"
SECRETS = "google_secret_manager_secret.secret"
CANARY = "google_secret_manager_secret.canary"
DATABASE = "google_spanner_database.wallet"
TERRAFORM = "\n".join(path.read_text() for path in sorted((ROOT / "infra").glob("*.tf")))


class RefusedError(Exception):
    """The error of Google's API."""


@dataclass
class Project:
    """Everything that exists so far."""

    apis: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    triggers: dict[str, dict[str, str]] = field(default_factory=dict)  # substitutions by name

    def run(self, line: str) -> None:
        """Run one command of a document."""
        for words in _commands(line):
            self._prepare(words)
            match words:
                case ["gcloud", "secrets", "versions", "add" | "access" as what, *rest]:
                    self._secret(what, rest)
                case ["gcloud", "builds", "triggers", "create", _, *options]:
                    self._trigger(dict(o.removeprefix("--").partition("=")[::2] for o in options))
                case ["docker", "push", image]:
                    self._push(image)
                case ["terraform", _, "init", *_]:
                    self._needs(any("terraform" in name for name in self.buckets), "no bucket for the state")
                case ["terraform", _, "apply", *arguments]:
                    self._apply([a.removeprefix("-target=") for a in arguments if a.startswith("-target=")])
                case [".venv/bin/python", "-m", "schemas.database.migrate", *_]:
                    self._needs(DATABASE in self.made, "there is no database")
                    self.made.add("tables")

    def _prepare(self, words: list[str]) -> None:
        match words:
            case ["gcloud", "projects", "create", name]:
                self.projects.add(name)
            case ["gcloud", "services", "enable", *apis]:
                self.apis |= {api.partition(".")[0] for api in apis}
            case ["gcloud", "beta", "services", "identity", "create", option, *_]:
                self._identity(option.removeprefix("--service=").partition(".")[0])
            case ["gcloud", "storage", "buckets", "create", name, *_]:
                self._needs("storage" in self.apis, "the API of storage is off")
                self.buckets.add(name)
            case ["gcloud", "iam", "service-accounts", "create", name]:
                self.accounts.add(name)

    def _identity(self, api: str) -> None:
        self._needs(api in self.apis, f"the API of {api} is off")
        self.agents.add(f"gcp-sa-{api}")

    def _secret(self, what: str, rest: list[str]) -> None:
        name = next((w.removeprefix("--secret=") for w in rest if w.startswith("--secret=")), rest[0])
        self._needs({SECRETS, CANARY} <= self.made, f"{name}: there is no such secret")
        self._needs(what == "add" or name in self.versions, f"{name} has no version")
        self.versions.add(name)

    def _trigger(self, options: dict[str, str]) -> None:
        account = options["service-account"].rpartition("/")[2].partition("@")[0]
        self._needs(account in self.accounts, f"Service account {account} does not exist")
        self._needs((ROOT / options["build-config"]).is_file(), f"there is no {options['build-config']}")
        values = dict(pair.split("=") for pair in options["substitutions"].split(","))
        self._needs(
            values.get("_ACTION") != "apply" or "require-approval" in options, "nobody approves what applies"
        )
        self.triggers[options["name"]] = values

    def _push(self, image: str) -> None:
        self._needs(REGISTRY in self.made, "there is no registry")
        self._needs(image not in self.tags, "tags are immutable")
        self.tags.add(image)

    def _apply(self, targets: list[str]) -> None:
        if targets:
            self.made |= set(targets)
            return
        self._needs({"$PROJECT", "$RECOVERY"} <= self.projects, "there is no project of other people")
        needed = set(re.findall(r"gcp-sa-\w+", TERRAFORM))
        self._needs(needed <= self.agents, f"Service account {needed - self.agents} does not exist")
        self._needs(bool(self.tags), "the image of the services is not there")
        self._needs("tables" in self.made, "services would start without tables")
        wanted = {"fingerprint-key", "token-keys", "token-keys-public", "rpc-url-ethereum", "smtp-url"}
        self._needs(wanted <= self.versions, f"no version of {wanted - self.versions}")
        self.made.add("everything")
        self.accounts |= set(re.findall(r'account_id   = "([a-z-]+)"', TERRAFORM))

    def _needs(self, there: bool, why: str) -> None:
        if not there:
            raise RefusedError(why)


def _commands(line: str) -> list[list[str]]:
    inner = re.findall(r"\$\(([^)]*)\)", line)
    plain = re.sub(r"\$\([^)]*\)", "x", line)
    parts = [part for text in [*inner, plain] for part in text.split("|")]
    words = [shlex.split(part.replace("…", "x"), comments=True) for part in parts]
    return [[w for i, w in enumerate(each) if i or "=" not in w] for each in words if each]


def script() -> list[str]:
    """The commands of the document, up to the first that needs a person's name."""
    page = Page(ROOT / "docs" / "deployment.md")
    lines = [line for fence in page.fences() if fence.shell for line in fence.commands()]
    return [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line) for line in lines]
