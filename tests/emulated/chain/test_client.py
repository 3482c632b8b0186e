"""ChainClient against a real node: reads, sends, receipts, simulation, fees, and the node's refusals."""

from __future__ import annotations

import pytest

from shared.chain import evidence, tokens
from shared.chain.client import ChainClient
from shared.chain.errors import Ambiguous, ExecutionReverted, InsufficientFunds, NoQuorum, WrongChain
from shared.chain.registry import Registry
from shared.chain.reverts import decode_revert
from shared.chain.types import CallRequest
from shared.domain.transactions.evidence import transfer_logged

OTHER = "0x000000000000000000000000000000000000bEEF"


def test_the_chain_is_verified(node) -> None:
    assert node.client.chain_id() == 31337
    wrong = ChainClient.connect(Registry.DEFAULT.chain("ethereum"), [node.url])
    try:
        with pytest.raises(WrongChain, match="31337 instead of 1") as failure:
            wrong.head()
        assert "http" not in str(failure.value)
    finally:
        wrong.close()


def test_heads_blocks_and_finality(node) -> None:
    head = node.client.head()
    assert node.client.block(head.number) == head or node.client.block(head.number).hash == head.hash
    assert node.client.block(head.number + 1_000_000) is None
    assert evidence.finalized(node.client) <= node.client.confirmed_number() <= node.client.block_number()
    assert head.base_fee > 0


def test_balances_tell_their_height(node, token) -> None:
    address, owner = token
    account = node.new_account(12345)
    wei, number = node.client.balance(account.address)
    assert wei == 12345
    assert node.client.balance(account.address, number)[1] == number
    amount, number = node.client.token_balance(address, owner.address)
    assert 0 < amount <= 10**12
    with pytest.raises(Ambiguous):
        node.client.token_balance(OTHER, owner.address)
    assert node.client.code(address)
    assert node.client.code(OTHER) == b""


def test_a_transfer_from_send_to_receipt(node, signer) -> None:
    account = node.new_account()
    raw, tx_hash = signer(account, 0, value=7)
    result = node.client.send_many([raw])[0]
    assert (result.outcome, result.hash) == ("sent", tx_hash)
    assert node.client.send_many([raw])[0].outcome in ("known", "nonce_too_low")
    receipt = node.wait_for(tx_hash)
    assert receipt.success
    assert receipt.gas_used == 21_000
    assert receipt in node.client.receipts_of_block(receipt.block_number)
    assert node.client.receipts([tx_hash, "0x" + "12" * 32]) == [receipt, None]
    assert node.client.nonce(account.address) == 1


def test_refusals_of_a_real_node(node, signer) -> None:
    account, poor = node.new_account(), node.new_account(0)
    raw, tx_hash = signer(account, 0)
    node.client.send_many([raw])[0]
    node.wait_for(tx_hash)
    outcomes = {
        "nonce_too_low": signer(account, 0, value=2),
        "insufficient_funds": signer(poor, 0),
        "unsendable": signer(account, 1, gas=20_000),
        "underpriced": signer(account, 1, maxFeePerGas=1, maxPriorityFeePerGas=1),
    }
    found = {node.client.send_many([raw])[0].outcome for raw, _ in outcomes.values()}
    assert {"nonce_too_low", "insufficient_funds", "unsendable"} <= found
    for outcome in ("nonce_too_low", "insufficient_funds", "unsendable"):
        assert node.client.send_many([outcomes[outcome][0]])[0].outcome == outcome
    wrong_chain, _ = signer(account, 1, chainId=1)
    assert node.client.send_many([wrong_chain])[0].outcome == "unsendable"
    assert node.client.send_many([b"\2garbage"])[0].outcome == "unsendable"


def test_replacements_and_gaps_in_a_pool(own_node, signer) -> None:
    account = own_node.new_account()
    first, first_hash = signer(account, 0)
    same_price, _ = signer(account, 0, value=2)
    better, better_hash = signer(account, 0, value=3, maxFeePerGas=2 * 10**10, maxPriorityFeePerGas=2 * 10**9)
    ahead, ahead_hash = signer(account, 2)
    client = own_node.client
    assert client.send_many([first])[0].outcome == "sent"
    assert client.send_many([first])[0].outcome == "known"
    assert client.send_many([same_price])[0].outcome == "replacement_underpriced"
    assert client.send_many([better])[0].outcome == "sent"
    assert client.send_many([ahead])[0].outcome == "sent"
    nonces = client.nonces([account.address], evidence.finalized(client))[0]
    assert (nonces.latest, nonces.pending, nonces.finalized) == (0, 1, 0)
    own_node.control("anvil_mine", "0x1")
    assert client.receipt(first_hash) is None
    assert client.receipt(better_hash).success
    assert client.receipt(ahead_hash) is None


def test_many_in_one_exchange_keep_their_order(own_node, signer) -> None:
    account = own_node.new_account()
    signed = [signer(account, nonce) for nonce in range(120)]
    results = own_node.client.send_many([raw for raw, _ in signed])
    assert [result.outcome for result in results] == ["sent"] * 120
    assert [result.hash for result in results] == [tx_hash for _, tx_hash in signed]
    own_node.control("anvil_mine", "0x1")
    receipts = own_node.client.receipts_of_block(own_node.client.block_number())
    assert [receipt.hash for receipt in receipts] == [tx_hash for _, tx_hash in signed]


def test_a_token_transfer_gives_evidence(node, token, signer) -> None:
    address, owner = token
    data = "0x" + tokens.transfer(OTHER, 250).hex()
    nonce = node.client.nonce(owner.address, "pending")
    raw, tx_hash = signer(owner, nonce, to=address, value=0, data=data, gas=100_000)
    node.client.send_many([raw])[0]
    receipt = node.wait_for(tx_hash)
    assert transfer_logged(receipt.logs, address, owner.address, OTHER, 250)
    assert not transfer_logged(receipt.logs, address, owner.address, OTHER, 251)


def test_simulation_shows_logs_and_reverts(node, token, token_abi) -> None:
    address, owner = token
    good = node.client.simulate(CallRequest(owner.address, address, data=tokens.transfer(OTHER, 5)))
    assert good.success
    assert tokens.transfer_accepted(good.return_data)
    assert good.gas > 21_000
    assert [log.address for log in good.logs] == [address.lower()]
    poor = node.client.simulate(CallRequest(OTHER, address, data=tokens.transfer(owner.address, 10**18)))
    assert not poor.success
    revert = decode_revert(poor.revert_data, token_abi, poor.revert_text)
    assert (revert.name, revert.arguments[2]) == ("NotEnough", str(10**18))


@pytest.mark.parametrize(
    ("call", "kind", "reason"),
    [
        ("failWithReason()", "error", "no entry today"),
        ("failWithPanic(uint256)", "panic", "division or modulo by zero"),
        ("failEmpty()", "empty", ""),
    ],
)
def test_reverts_of_a_real_node(node, token, call, kind, reason) -> None:
    from eth_utils.crypto import keccak

    address, owner = token
    data = keccak(text=call)[:4] + (bytes(32) if "uint" in call else b"")
    request = CallRequest(owner.address, address, data=data)
    for way in (node.client.call, node.client.estimate_gas):
        with pytest.raises(ExecutionReverted) as failure:
            way(request)
        found = decode_revert(failure.value.data)
        assert found.kind == kind
        assert reason in found.reason
    simulated = node.client.simulate(request)
    assert not simulated.success
    assert decode_revert(simulated.revert_data).kind == kind
    by_call = node.client.simulate_by_call(request)
    assert decode_revert(by_call.revert_data).kind == kind


def test_estimates(node, token) -> None:
    address, owner = token
    assert node.client.estimate_gas(CallRequest(owner.address, OTHER, value=1)) == 21_000
    assert (
        node.client.estimate_gas(CallRequest(owner.address, address, data=tokens.transfer(OTHER, 5))) > 21_000
    )
    with pytest.raises(InsufficientFunds):
        node.client.simulate(CallRequest(owner.address, OTHER, value=10**30))


def test_fees_follow_the_base_fee_and_are_shared(own_node) -> None:
    first = own_node.client.fee_snapshot()
    assert own_node.client.fee_snapshot() is first
    own_node.control("anvil_setNextBlockBaseFeePerGas", hex(77 * 10**9))
    own_node.control("anvil_mine", "0x1")
    own_node.client.block_number()  # the client sees a newer head
    risen = own_node.client.fee_snapshot()
    assert risen.base_fee > first.base_fee
    assert risen.average.max_fee_per_gas >= 2 * risen.base_fee
    assert risen.block_number == first.block_number + 1


def test_evidence_of_one_endpoint_needs_two_heads(own_node, signer) -> None:
    account = own_node.new_account()
    raw, tx_hash = signer(account, 0)
    own_node.client.send_many([raw])[0]
    own_node.control("anvil_mine", "0x1")
    head = own_node.client.block_number()
    with pytest.raises(NoQuorum):
        evidence.receipts_of_block(own_node.client, head, head)
    own_node.control("anvil_mine", "0x1")
    (receipt,) = evidence.receipts_of_block(own_node.client, head, own_node.client.block_number())
    assert receipt.hash == tx_hash


def test_two_endpoints_give_evidence_at_once(own_node, signer) -> None:
    account = own_node.new_account()
    raw, tx_hash = signer(account, 0)
    pair = ChainClient.connect(own_node.client.spec, [own_node.url, own_node.url])
    try:
        assert pair.send_many([raw])[0].outcome == "sent"
        own_node.control("anvil_mine", "0x1")
        (receipt,) = evidence.receipts_of_block(pair, 1, 1)
        assert (receipt.hash, receipt.success) == (tx_hash, True)
        assert evidence.canonical_hashes(pair, [1], 1) == [pair.block(1).hash]
        assert evidence.nonce_at(pair, account.address, 1, 1) == 1
    finally:
        pair.close()


def test_a_foreign_transaction_is_found_by_its_nonce(own_node, signer) -> None:
    account = own_node.new_account()
    hashes = []
    for nonce in range(5):
        raw, tx_hash = signer(account, nonce)
        own_node.client.send_many([raw])[0]
        own_node.control("anvil_mine", "0x3")
        hashes.append(tx_hash)
    pair = ChainClient.connect(own_node.client.spec, [own_node.url, own_node.url])
    try:
        high = pair.block_number()
        for nonce in range(5):
            found = evidence.mined_with_nonce(pair, account.address, nonce, low=0, high=high, head=high)
            assert found.hash == hashes[nonce]
        assert evidence.mined_with_nonce(pair, account.address, 5, low=0, high=high, head=high) is None
    finally:
        pair.close()


def test_a_reorganisation_changes_the_canonical_hash(own_node, signer) -> None:
    account = own_node.new_account()
    own_node.control("anvil_mine", "0x2")
    raw, tx_hash = signer(account, 0)
    own_node.client.send_many([raw])[0]
    own_node.control("anvil_mine", "0x1")
    before = own_node.client.receipt(tx_hash)
    own_node.control("anvil_reorg", 2, [])
    after = own_node.client.block(before.block_number)
    assert after.hash != before.block_hash
    assert all(one.block_hash == after.hash for one in own_node.client.receipts_of_block(before.block_number))
