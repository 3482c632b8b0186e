"""Administrators: the first one, the list of accounts, roles, tiers, and the effects of disabling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared import resources
from shared.domain.errors import NotFound
from shared.ops import appoint_admin, appoint_service
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.inprocess import App
from tests.support.people import People, Person


@pytest.fixture
def admin(people: People) -> Person:
    person = people.register()
    appoint_admin.appoint(person.email)
    people.sign_in(person)
    return person


def test_the_first_administrator_is_appointed_once(people: People, admin: Person, app: App) -> None:
    assert admin.ok(200, "GET", "/auth/me")["roles"] == ["admin", "operator", "user"]
    with pytest.raises(appoint_admin.AlreadyAppointed):
        appoint_admin.appoint(people.register().email)
    with pytest.raises((NotFound, appoint_admin.AlreadyAppointed)):
        appoint_admin.appoint("nobody@example.com")
    assert appoint_admin.main([]) == 2 and appoint_admin.main(["nobody@example.com"]) == 1


def test_accounts_are_listed_newest_first_in_pages(people: People, admin: Person) -> None:
    others = [people.register() for _ in range(5)]
    expected = [person.id for person in reversed([admin, *others])]
    seen: list[str] = []
    cursor = ""
    while True:
        answer = admin.ok(200, "GET", f"/admin/users?limit=2{cursor}")
        seen += [item["id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == expected
    assert admin.refused("INVALID_CURSOR", "GET", "/admin/users?cursor=abc").status == 400
    assert others[0].refused("FORBIDDEN", "GET", "/admin/users").status == 403


def test_roles_and_tiers_change_and_old_sign_ins_end(people: People, admin: Person, app: App) -> None:
    person = people.register()
    path = f"/admin/users/{person.id}"
    changed = admin.ok(200, "PUT", path, {"tier": "premium"})
    assert (changed["tier"], changed["version"]) == ("premium", 2)
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 200
    admin.ok(200, "PUT", path, {"roles": ["operator", "user"]}, headers={"if-match": '"2"'})
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 401
    assert (
        admin.refused("VERSION_MISMATCH", "PUT", path, {"tier": "basic"}, headers={"if-match": '"2"'}).status
        == 412
    )
    for body in ({"roles": []}, {"roles": ["god"]}, {"tier": "gold"}, {"email": "x@example.com"}):
        assert admin.refused("VALIDATION_FAILED", "PUT", path, body).status == 422
    assert admin.refused("NOT_FOUND", "PUT", "/admin/users/usr_none", {"tier": "basic"}).status == 404
    assert admin.refused("FORBIDDEN", "PUT", f"/admin/users/{admin.id}", {"disabled": True}).status == 403
    assert person.refused("FORBIDDEN", "PUT", path, {"roles": ["admin"]}).status == 403


def test_no_administrator_makes_an_account_that_spends_for_everybody(people: People, admin: Person) -> None:
    victim, puppet = people.register(), people.register()
    wallet, path = victim.wallet(), f"/admin/users/{puppet.id}"
    assert admin.refused("FORBIDDEN", "PUT", path, {"roles": ["service", "user"]}).status == 403
    people.sign_in(puppet)
    route = f"/wallets/{wallet['id']}/sign-message"
    puppet.refused("NOT_FOUND", "POST", route, {"message": "mine"})
    assert appoint_service.main([puppet.email]) == 0 and appoint_service.main([]) == 2
    assert appoint_service.main(["nobody@example.com"]) == 1
    people.sign_in(puppet)
    puppet.ok(200, "POST", route, {"message": "for them"})
    admin.ok(200, "PUT", path, {"tier": "premium", "roles": ["service"]})
    admin.ok(200, "PUT", path, {"roles": ["user"]})
    people.sign_in(puppet)
    puppet.refused("NOT_FOUND", "POST", route, {"message": "mine"})


def test_production_asks_administrators_for_a_second_factor(people: People, admin: Person) -> None:
    person = people.register()
    with resources.override(settings=replace(resources.settings(), environment="prod")):
        body = {"disabled": True}
        assert admin.refused("STEP_UP_REQUIRED", "PUT", f"/admin/users/{person.id}", body).status == 403


def test_disabling_keeps_the_user_out_and_releases_claims(
    people: People, admin: Person, app: App, published: Recorder, emulators: Mapping[str, str]
) -> None:
    desk = Desk(app, published, emulators["RPC_URL"])
    shopper, claimer = desk.shopper(), people.register()
    claimer.wallet()
    order = desk.order(shopper)
    claim = claimer.ok(201, "POST", "/claims", {"order_id": order["id"]})
    admin.ok(200, "PUT", f"/admin/users/{claimer.id}", {"disabled": True})
    assert desk.get(f"/claims/{claim['id']}", shopper)["status"] == "released"
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "open"
    body = {"email": claimer.email, "password": "correct horse battery staple"}
    assert app.call("POST", "/auth/login", body).code == "INVALID_CREDENTIALS"
    assert app.call("POST", "/auth/refresh", {"refresh_token": claimer.refresh_token}).status == 401
    admin.ok(200, "PUT", f"/admin/users/{claimer.id}", {"disabled": False})
    people.sign_in(claimer)
