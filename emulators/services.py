"""The four services: how each one is named in the environment, started and proved to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulators import probes, toolkit


@dataclass(frozen=True, slots=True)
class Service:
    """One emulator. `flags` are what it is started with unless the caller of `Stack.start` names others."""

    name: str
    variable: str
    program: Callable[[], list[str] | None]
    where: Callable[[int], Sequence[str]]
    probe: probes.Probe
    flags: tuple[str, ...] = ()
    scheme: str = ""
    own_folder: str = ""  # the flag that names a folder for what it writes while it runs

    def address(self, port: int) -> str:
        """What `variable` is set to when the service listens on a port of this machine."""
        return f"{self.scheme}127.0.0.1:{port}"

    def command(
        self, port: int, flags: Sequence[str] | None, folder: Path | None = None
    ) -> tuple[list[str], bool]:
        """The command line, and whether it is a container's. Raises Missing when nothing can run it."""
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
    # Of the transactions that meet another one, so many percent abort it. Ours queue
    # (shared/store/spanner/emulator.py) and never
    # meet; but a process killed inside its transaction would hold the emulator's only one for ever.
    flags=("--abort_current_transaction_probability", "10"),
)
PUBSUB = Service("pubsub", "PUBSUB_EMULATOR_HOST", toolkit.pubsub, _host_and_port, probes.pubsub)
FIRESTORE = Service(
    "firestore", "FIRESTORE_EMULATOR_HOST", toolkit.firestore, _host_and_port, probes.firestore
)
# Of older blocks; each takes 0.1 MB and more, and anvil would keep 3,600 of them.
_STATES = ("--max-persisted-states", "256")
NODE = Service(
    "node",
    "RPC_URL",
    toolkit.anvil,
    # Quiet: its greeting prints the development accounts' private keys, which no log may hold.
    lambda port: ("--host", "127.0.0.1", "--port", str(port), "--chain-id", "31337", "--quiet", *_STATES),
    probes.node,
    # A block a second, as on a real chain: with automine nothing follows the last transaction to confirm it.
    flags=("--block-time", "1"),
    scheme="http://",
    own_folder="--cache-path",  # the states of older blocks; else in ~/.foundry, where nobody removes them
)

SERVICES = {service.name: service for service in (SPANNER, PUBSUB, FIRESTORE, NODE)}


def check(services: Sequence[Service]) -> None:
    """Raise one toolkit.Missing that says everything which is needed to start these."""
    toolkit.require_docker([service.name for service in services if service.program() is None])
