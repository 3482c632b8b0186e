"""A wrong path leads to the route that was probably meant."""

from __future__ import annotations

import pytest

from schemas.contract import routes


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/orders", "/api/v1/orders"),
        ("/orders/ord_1/", "/api/v1/orders/{order_id}"),
        ("/api/v1/orders/", "/api/v1/orders"),
        ("//api/v1//orders", "/api/v1/orders"),
        ("/api/v1/api/v1/orders", "/api/v1/orders"),
        ("/docs/", "/docs"),
        ("/api/v1/docs", "/docs"),
        ("/api/v1/", None),
        ("/api/v1/orders", None),
        ("/api/v1/nothing", None),
        ("/api/v2/orders", None),
        ("/wp-login.php", None),
    ],
)
def test_a_wrong_path_leads_to_the_route_that_was_meant(path: str, route: str | None) -> None:
    assert routes.similar(path) == route
