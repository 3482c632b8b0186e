"""The four services: how each one is named in the environment, started and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulators import probes, toolkit


@dataclass(frozen=True, slots=True)
class Service:
    """One emulator. `flags` are its start flags unless the caller of `Stack.start` names others."""

    name: str
    variable: str
    program: Callable[[], list[str] | None]
    where: Callable[[int], Sequence[str]]
    probe: probes.Probe
    flags: tuple[str, ...] = ()
    scheme: str = ""
    own_folder: str = ""  # the flag for the folder of the files that it writes while it runs

    def address(self, port: int) -> str:
        """The value of `variable` if the service listens on this port of this machine."""
        return f"{self.scheme}127.0.0.1:{port}"

    def command(
        self, port: int, flags: Sequence[str] | None, folder: Path | None = None
    ) -> tuple[list[str], bool]:
        """The command line, and whether it runs a container. Raises Missing if nothing can run the service."""
        program = self.program()
        if program is None:
            if flags is not None:
                raise toolkit.Missing(
                    f"Only the Google Cloud CLI's {self.name} emulator takes other flags: install it."
                )
            return toolkit.compose(self.name, port), True
        written = (self.own_folder, str(folder)) if self.own_folder and folder else ()
        return [*program, *self.where(port), *written, *(self.flags if flags is None else flags)], False


def _host_and_port(port: int) -> Sequence[str]:
    return "--host=127.0.0.1", f"--port={port}"


SPANNER = Service(
    "spanner",
    "SPANNER_EMULATOR_HOST",
    toolkit.spanner,
    lambda port: ("--host_port", f"127.0.0.1:{port}"),
    probes.spanner,
    # The percentage of conflicts in which a transaction aborts the current one. Ours queue
    # (shared/store/spanner/emulator.py) and never conflict. But the transaction of a killed process would otherwise
    # block the emulator, which runs only one at a time, for ever.
    flags=("--abort_current_transaction_probability", "10"),
)
PUBSUB = Service("pubsub", "PUBSUB_EMULATOR_HOST", toolkit.pubsub, _host_and_port, probes.pubsub)
FIRESTORE = Service(
    "firestore", "FIRESTORE_EMULATOR_HOST", toolkit.firestore, _host_and_port, probes.firestore
)
# States of older blocks to keep; each takes at least 0.1 MB, and anvil would keep 3,600 of them.
_STATES = ("--max-persisted-states", "256")
NODE = Service(
    "node",
    "RPC_URL",
    toolkit.anvil,
    # Quiet, because its greeting prints the development accounts' private keys, which no log may contain.
    lambda port: ("--host", "127.0.0.1", "--port", str(port), "--chain-id", "31337", "--quiet", *_STATES),
    probes.node,
    # One block per second, as on a real chain: with automine no block follows the last transaction to confirm it.
    flags=("--block-time", "1"),
    scheme="http://",
    own_folder="--cache-path",  # for states of older blocks; in ~/.foundry nobody would remove them
)

SERVICES = {service.name: service for service in (SPANNER, PUBSUB, FIRESTORE, NODE)}


def check(services: Sequence[Service]) -> None:
    """Raises one toolkit.Missing that names everything that these services need."""
    toolkit.require_docker([service.name for service in services if service.program() is None])
