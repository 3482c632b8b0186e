"""Both interfaces of one product in this process, and people who use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from schemas.contract import generated, protobuf
from shared import resources
from shared.identity.passwords import Passwords
from shared.runtime import operation
from shared.triggers.rpc.methods import Methods
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.emulated.rpc.doors import Doors
from tests.support.inprocess import App


@pytest.fixture(scope="session")
def methods() -> Methods:
    interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text())
    return Methods(interface, operation.catalog())


@pytest.fixture
def doors(app: App, methods: Methods) -> Iterator[Doors]:
    with resources.override(passwords=Passwords(passes=1, memory_kib=64)):
        yield Doors(app, methods)


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])
