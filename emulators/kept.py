"""The data that `make run` keeps between runs: the store with the queue, the chain, the keys and the mails.

They belong together: a store without its chain would pay again what is already paid, and without the keys it could not
sign. So a run keeps all of them or starts with none, and it refuses data that does not fit together.

    data/kept.json      lists the files and the chain's first block; written last and removed first
    data/store.sqlite   data/chain.json   data/state/
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulators import chain_keeper
from emulators.selection import Choice
from emulators.stack import StartError
from shared import resources
from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient
from shared.store.session import Session
from shared.store.tables.contract_events import BLOCKS
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import TRANSACTIONS

ANEW: Final = "`make run FRESH=1` starts without the old data."
CHAIN: Final = "local"


@dataclass(frozen=True, slots=True)
class Kept:
    """The folder with the kept data."""

    folder: Path

    @property
    def mark(self) -> Path:
        return self.folder / "kept.json"

    @property
    def store(self) -> Path:
        return self.folder / "store.sqlite"

    @property
    def chain(self) -> Path:
        return self.folder / "chain.json"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def applies(self, chosen: Mapping[str, Choice]) -> bool:
        """Whether this run keeps its data. It does not if it starts emulators, which forget, or if the caller names a
        store, which the caller keeps. Raises StartError if the caller names a store without a chain."""
        own = os.environ.get("EMBEDDED_FILE", str(self.store)) != str(self.store)
        if own and chosen["node"] != "given":
            raise StartError(
                "EMBEDDED_FILE names a store, but RPC_URL names no chain for it: set both, or neither."
            )
        return not own and chosen["spanner"] == "embedded" and chosen["pubsub"] != "emulator"

    def prepare(self, fresh: bool) -> bool:
        """Whether there is kept data; if not, the folder is now empty. Raises StartError if the data is incomplete."""
        if fresh or not self.mark.exists():
            self.remove()
            self.folder.mkdir(parents=True)
            return False
        for name in self._marked()["files"]:
            if not (self.folder / name).exists():
                raise StartError(f"{self.folder / name} is missing from the kept data: {ANEW}")
        if self.chain.exists() and not _is_json(self.chain):
            raise StartError(f"{self.chain} is broken: {ANEW}")
        return True

    def node_flags(self) -> list[str]:
        """The node's flags to continue the kept chain. The node creates a first block before it reads the file. That
        must be the kept first block, or the next file would contain two."""
        if not self.chain.exists():
            return []
        return ["--load-state", str(self.chain), "--timestamp", str(self._marked()["began"])]

    def remove(self) -> None:
        """Delete all kept data."""
        self.mark.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def begun(self, url: str) -> None:
        """Mark the data as kept, after a fresh start is complete. `url` is the node's."""
        resources.vault()  # creates its keys now, not with the first wallet
        files = [path for path in (self.store, self.chain, self.state / "master-keys.json") if path.exists()]
        with _node(url) as node:
            first = _block(node, 0)
        marked = {
            "files": [str(path.relative_to(self.folder)) for path in files],
            "first_block": first["hash"],
            "began": int(first["timestamp"], 16),
        }
        part = self.mark.with_suffix(".new")
        part.write_text(json.dumps(marked))
        part.replace(self.mark)

    def resume(self, url: str) -> None:
        """Check that the chain fits the store, and continue it. Raises StartError."""
        with _node(url) as node:
            known = self._fitting(node)
            if self.chain.exists():
                chain_keeper.resume(node, known)

    def _fitting(self, node: RpcClient) -> int:
        """The highest block that the store knows. Raises StartError if the node lacks a block that the store needs."""
        if _block(node, 0)["hash"] != self._marked()["first_block"]:
            raise StartError(f"The store in {self.folder} knows another chain than this node's: {ANEW}")
        session = Session(resources.database().snapshot())
        mined = [
            row
            for row in session.many(TRANSACTIONS.scan())
            if row.chain == CHAIN and row.mined_block_number is not None
        ]
        stands_on = [
            (row.mined_block_number or 0, row.mined_block_hash or "") for row in mined if row.finalized
        ]
        indexed = session.many(BLOCKS.scan(CHAIN))
        if indexed:  # the index can be rolled back to its oldest block
            stands_on.append(min((row.number, row.hash) for row in indexed))
        if stands_on:
            number, digest = max(stands_on)
            if (_block(node, number) or {}).get("hash") != digest:
                raise StartError(
                    f"The chain was not kept up to block {number}, which is final for the store: {ANEW}"
                )
        observed = [row.observed_block for row in session.many(FUNDS.scan()) if row.chain == CHAIN]
        known = [*observed, *(row.number for row in indexed), *(row.mined_block_number or 0 for row in mined)]
        return max([0, *known])

    def _marked(self) -> dict[str, Any]:
        try:
            marked: dict[str, Any] = json.loads(self.mark.read_text())
            return {name: marked[name] for name in ("files", "first_block", "began")}
        except (ValueError, KeyError, TypeError):
            raise StartError(f"{self.mark} is broken: {ANEW}") from None


@contextmanager
def _node(url: str) -> Iterator[RpcClient]:
    node = chain_keeper.client(url)
    try:
        yield node
    except ChainError as error:
        raise StartError(f"the node gives wrong answers: {error}") from None
    finally:
        node.close()


def _block(node: RpcClient, number: int) -> Any:
    return node.call("eth_getBlockByNumber", [hex(number), False])


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
