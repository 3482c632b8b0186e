"""`make run`: run the whole product until Ctrl-C, with an operator account to sign in with."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators import background, doctor, file_lock, guide, kept, leftovers, log_view, seed, toolkit
from emulators.product import Product
from emulators.stack import StartError

# The settings of the caller that tokens, keys and digests depend on.
SHARED = (
    "TOKEN_KEYS_FILE", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "FINGERPRINT_KEY", "KMS_KEY", "DEFAULT_CHAIN", "REGION",
)  # fmt: skip
END_SECONDS = 5.0  # in which the processes of a killed run end


def main(arguments: list[str], folder: Path | None = None) -> int:
    """Run the product until a signal ends the command. All its files are in `folder`/product."""
    workdir = (folder or toolkit.ROOT / ".run").resolve() / "product"
    options = _parser().parse_args(arguments)
    port = doctor.free_port()
    data = kept.Kept(workdir / "data")
    print("starting emulators and node …", flush=True)
    with (
        _alone(workdir) as lock,
        leftovers.removed(workdir / "node-files", hold=[lock]),  # the lock keeps the next run's files safe
        Product.start(workdir, port=port, data=data, fresh=options.fresh, hold=[lock]) as product,
    ):
        email, password = operator(Path(product.env["STATE_DIR"]), fresh=options.fresh)
        with product.within():
            seed.operator(email, password)
        # for `python -m emulators env`, `status` and `logs`
        background.State(_exported(product), background.services(product.stack)).write(workdir)
        print(guide.text(product, email, password), flush=True)
        with log_view.following(workdir / "gateway.log"):
            while product.gateway is not None and product.gateway.alive:
                signal.sigtimedwait([], 1.0)
    print("the gateway has stopped; see its log", flush=True)
    return 1


def _exported(product: Product) -> dict[str, str]:
    """The environment with which another command uses the same store, chain, keys and mails."""
    own = {name: os.environ[name] for name in SHARED if os.environ.get(name)}
    return own | product.env | {"CHAIN_TOKENS": product.tokens}


def operator(state: Path, *, fresh: bool) -> tuple[str, str]:
    """The operator's e-mail address and password. A generated password is kept until a `fresh` run."""
    email = os.environ.get("OPERATOR_EMAIL", "operator@example.com")
    if given := os.environ.get("OPERATOR_PASSWORD"):
        return email, given
    file = state / "operator-password"
    if fresh or not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12))
    return email, file.read_text()


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Lock the folder for one run at a time, until its gateway has ended, too. Raises StartError if it is locked."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + END_SECONDS
        while not file_lock.acquired(descriptor):
            if time.monotonic() > deadline:
                raise StartError("`make run` is already running in this folder: stop it first.")
            time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulators run")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="start without earlier data: remove the store, the chain and the keys",
    )
    return parser
