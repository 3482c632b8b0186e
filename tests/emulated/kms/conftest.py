from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.keys.kms_client import KmsCalls
from tests.emulated.kms.server import KmsServer


@pytest.fixture
def kms() -> Iterator[KmsServer]:
    with KmsServer() as server:
        yield server


@pytest.fixture
def calls(kms: KmsServer) -> KmsCalls:
    return KmsCalls(kms.client(), deadline=1.0)
