"""Further accounts of one seed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shared.keys import accounts, hd, mnemonic
from tests.emulated.wallets.samples import KEY, WORDS
from tests.support.people import People


def test_accounts_share_the_seed_and_have_no_gaps(people: People) -> None:
    person = people.register()
    made = person.ok(201, "POST", "/wallets", {"name": "savings"})
    root, seed = made["wallet"], mnemonic.to_seed(made["mnemonic"])
    with ThreadPoolExecutor(6) as pool:
        found = list(
            pool.map(lambda _: person.ok(201, "POST", f"/wallets/{root['id']}/accounts", {}), range(6))
        )
    wallets = sorted((answer["wallet"] for answer in found), key=lambda wallet: wallet["index"])
    assert [wallet["index"] for wallet in wallets] == [1, 2, 3, 4, 5, 6]
    for wallet in wallets:
        assert wallet["parent_id"] == root["id"] and wallet["name"] == f"savings {wallet['index']}"
        assert wallet["address"] == accounts.address_of(hd.derive(seed, wallet["derivation_path"]))
    body = {"name": "from a child"}
    child = person.ok(201, "POST", f"/wallets/{wallets[0]['id']}/accounts", body)["wallet"]
    assert (child["index"], child["parent_id"], child["name"]) == (7, root["id"], "from a child")


def test_accounts_follow_the_path_that_was_imported(people: People) -> None:
    person = people.register()
    body = {"name": "ledger", "mnemonic": WORDS, "derivation_path": "m/44'/60'/3'"}
    root = person.ok(201, "POST", "/wallets/import", body)["wallet"]
    wallet = person.ok(201, "POST", f"/wallets/{root['id']}/accounts", {})["wallet"]
    assert wallet["derivation_path"] == "m/44'/60'/4'" and wallet["index"] == 4


def test_an_imported_key_has_no_further_accounts(people: People) -> None:
    mine, other = people.register(), people.register()
    wallet = mine.imported(KEY)
    assert mine.refused("WALLET_HAS_NO_SEED", "POST", f"/wallets/{wallet['id']}/accounts", {}).status == 409
    assert other.refused("NOT_FOUND", "POST", f"/wallets/{wallet['id']}/accounts", {}).status == 404


def test_an_account_that_was_imported_by_its_key_is_not_made_twice(people: People) -> None:
    person = people.register()
    root = person.ok(201, "POST", "/wallets/import", {"name": "dev", "mnemonic": WORDS})["wallet"]
    second = person.imported(hd.derive(mnemonic.to_seed(WORDS), "m/44'/60'/0'/0/1"))
    answer = person.refused("WALLET_EXISTS", "POST", f"/wallets/{root['id']}/accounts", {})
    assert answer.body["error"]["data"] == {"wallet_id": second["id"]}


def test_one_wallet_on_the_chain_is_meant_without_a_name(people: People) -> None:
    person = people.register()
    body = {"currency": "ETH", "amount": "1"}
    assert person.refused("WALLET_REQUIRED", "POST", "/supplies", body).body["error"]["data"] == {
        "wallets": []
    }
    first = person.wallet()
    assert person.ok(201, "POST", "/supplies", body)["wallet_id"] == first["id"]
    second = person.wallet()
    answer = person.refused("WALLET_REQUIRED", "POST", "/supplies", body)
    assert answer.body["error"]["data"] == {"wallets": sorted([first["id"], second["id"]])}
