"""Start one set of services for a whole test run, shared by all workers, and a Spanner emulator for each worker.

STORE selects the services: `embedded` (the default) needs only the node, and leaves out the tests that need the
emulators; the last line of the run says so. `emulator` runs everything on emulators.

The first process starts the services before it forks the workers (tests/support/workers.py), which inherit their
addresses, and stops them at the end. A Spanner emulator runs one transaction at a time and slows down with every call.
Therefore each process that runs tests has its own emulator and restarts it between files. A run that names only paths
below tests/unit starts nothing. Logs of a failed run stay in `.run/tests-<pid>/`.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, is_hypothesis_test, settings, strategies

from emulators import leftovers
from emulators.product import Product
from emulators.services import SERVICES
from emulators.stack import Stack, StartError
from emulators.toolkit import ROOT, Missing
from shared.keys import web3_imports
from tests.support import any_store, forked, left_out, order
from tests.support.own_spanner import OwnSpanner
from tests.support.stores import EMBEDDED, STORE

pytest_plugins = ("tests.support.workers",)
_STACK = pytest.StashKey[Stack]()
_SHARED = pytest.StashKey[Stack]()
_LEFT_OUT = pytest.StashKey[list[str]]()
_SPANNER = pytest.StashKey[OwnSpanner]()
# The duration of an example depends on how busy the machine is: benchmarks measure time, tests do not.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Start the emulators."""
    config.addinivalue_line(
        "markers", "serial: needs the machine for itself; `make test` runs it after the others"
    )
    config.addinivalue_line("markers", "emulators: needs Google's emulators; STORE=emulator runs it")
    config.addinivalue_line(
        "markers", "any_store: shows the same on every store (tests/support/any_store.py)"
    )
    if not _wanted(config):
        return
    web3_imports.eth_account()  # before a test imports it directly, which takes twice as long
    if config.option.workers:
        web3_imports.web3()  # once: most workers need it
    services = ["node"] if EMBEDDED else list(SERVICES)
    if not EMBEDDED and config.option.workers:
        services.remove("spanner")  # each worker has its own
    states = leftovers.removed(_folder() / "node-files")  # also when this run is killed
    states.__enter__()
    config.add_cleanup(lambda: states.__exit__(None, None, None))
    _start(config, services)
    if sys.platform == "linux" and any(_holds_products(path) for path in _named(config)):
        forks = forked.Server("tests.support.ready_gateway", _folder())
        config.add_cleanup(forks.stop)
        Product.spawn = staticmethod(forks.spawn)


def pytest_worker_begins(config: pytest.Config) -> None:
    """Start this worker's Spanner emulator."""
    if not EMBEDDED and _wanted(config):
        # Kept: Python warns of forgotten processes that still run.
        config.stash[_SHARED] = config.stash[_STACK]
        _start(config, ["spanner"])


def pytest_worker_ends(config: pytest.Config, failed: bool) -> None:
    """Stop it, and keep its log only if a test failed."""
    if not EMBEDDED and _wanted(config):
        _stop(config, keep=failed)


def _start(config: pytest.Config, services: Sequence[str]) -> None:
    """Start services for this process and those that it starts, which find them in os.environ."""
    try:
        stack = Stack.start(_folder(), services)
    except (Missing, StartError) as error:
        raise pytest.UsageError(str(error)) from None
    if EMBEDDED:
        file = str(_folder() / "store.sqlite")
        stack.env |= {"EMBEDDED": "spanner,pubsub,firestore", "EMBEDDED_FILE": file}
    config.stash[_STACK] = stack
    config.stash[_SPANNER] = OwnSpanner(stack)
    os.environ.update(stack.env)


def _folder() -> Path:
    return ROOT / ".run" / f"tests-{os.getpid()}"


def _stop(config: pytest.Config, keep: bool) -> None:
    stack = config.stash.get(_STACK, None)
    if stack is not None:
        stack.stop()
        if not keep:
            shutil.rmtree(stack.workdir, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Restart a slow Spanner emulator between files, when no test needs its data."""
    yield
    own = item.config.stash.get(_SPANNER, None)
    if own is not None and nextitem is not None and nextitem.path != item.path:
        own.renew()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Let the garbage collector leave alone what collecting makes: it stays until the end, and the workers share its
    memory until they write into it. Each look through it would take half a second of every worker."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need the emulators, leave them out if there are no emulators, and order the files."""
    files = [(path, list(some)) for path, some in groupby(items, key=lambda item: item.path)]
    items[:] = [item for some in order.spread(files) for item in some]
    needing = [item for item in items if _needs_emulators(item)]
    for item in needing:
        item.add_marker(pytest.mark.emulators)
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if any_store.listed(item.path) or any_store.stands_in(parameters.values()):
            item.add_marker(pytest.mark.any_store)
    if EMBEDDED and needing:
        items[:] = [item for item in items if item not in needing]
        config.stash[_LEFT_OUT] = [item.nodeid for item in needing]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let Hypothesis make its table of characters before the workers are forked: each would take a second for the same
    in a fresh clone."""
    tests = (getattr(item, "obj", None) for item in session.items)
    if session.config.option.workers and any(map(is_hypothesis_test, tests)):
        find(strategies.text(), lambda _: True, settings=settings(database=None))


def _needs_emulators(item: pytest.Item) -> bool:
    asked = "real_emulators" in getattr(item, "fixturenames", ())
    return asked or item.get_closest_marker("emulators") is not None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long texts by their position: they are often random tokens, and a test's id must be the same in each run."""
    return argname if isinstance(val, str | bytes) and len(val) > 24 else None


def pytest_runtest_setup() -> None:
    """Keep the recursion limit low. Some tests import eth_account directly, which raises the limit to 100,000; deeply
    nested JSON would then crash this process instead of raising RecursionError.

    Forget where an earlier test's command sent its logs: its standard output is closed."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), 3000))
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if type(one) is not logging.StreamHandler]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the emulators' logs only if the run failed."""
    passed = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    _stop(session.config, keep=not passed)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """List the tests that this run left out because their services are missing, and note the skipped ones."""
    names = config.stash.get(_LEFT_OUT, [])
    without = left_out.without_emulators(names) if names else ""
    if without:
        terminalreporter.write_line(without)
    left_out.tell(without, left_out.skipped(STORE, terminalreporter.stats.get("skipped", [])))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop all processes, also after an internal error or Ctrl-C."""
    _stop(config, keep=True)


@pytest.fixture(scope="session")
def emulators() -> Mapping[str, str]:
    """The variables that point clients to the run's services; os.environ has them too."""
    if not os.environ.get(SERVICES["node"].variable):
        pytest.fail("this run has no services: does a test below tests/unit ask for them?")
    return dict(os.environ)


@pytest.fixture(scope="session")
def own_spanner(request: pytest.FixtureRequest) -> OwnSpanner:
    """This process's Spanner emulator."""
    return request.config.stash[_SPANNER]


@pytest.fixture(scope="session")
def real_emulators(emulators: Mapping[str, str]) -> Mapping[str, str]:
    """The run's services, if Google's emulators run."""
    missing = [service.variable for service in SERVICES.values() if not emulators.get(service.variable)]
    if missing:
        pytest.fail(f"this run has no emulators: {', '.join(missing)}")
    return emulators


def _wanted(config: pytest.Config) -> bool:
    if config.option.collectonly:
        return False
    return not all(path.is_relative_to(ROOT / "tests" / "unit") for path in _named(config))


def _holds_products(path: Path) -> bool:
    """Whether tests of whole products are among those of this path."""
    products = ROOT / "tests" / order.WAITING
    return path.is_relative_to(products) or products.is_relative_to(path)


def _named(config: pytest.Config) -> list[Path]:
    """The folders and files on the command line."""
    here = config.invocation_params.dir
    return [(here / argument.partition("::")[0]).resolve() for argument in config.args]
