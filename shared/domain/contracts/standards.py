"""The ABIs of the standards, for contracts of a known type without an ABI of their own."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, Literal

from shared.domain.contracts.abi import Entry, checked

ContractType = Literal["erc20", "erc721", "erc1155", "custom"]

_ERC20: Final = """
function name() view returns (string)
function symbol() view returns (string)
function decimals() view returns (uint8)
function totalSupply() view returns (uint256)
function balanceOf(address owner) view returns (uint256)
function allowance(address owner, address spender) view returns (uint256)
function transfer(address to, uint256 value) returns (bool)
function transferFrom(address from, address to, uint256 value) returns (bool)
function approve(address spender, uint256 value) returns (bool)
event Transfer(address indexed from, address indexed to, uint256 value)
event Approval(address indexed owner, address indexed spender, uint256 value)
"""
_ERC721: Final = """
function supportsInterface(bytes4 interfaceId) view returns (bool)
function name() view returns (string)
function symbol() view returns (string)
function tokenURI(uint256 tokenId) view returns (string)
function balanceOf(address owner) view returns (uint256)
function ownerOf(uint256 tokenId) view returns (address)
function getApproved(uint256 tokenId) view returns (address)
function isApprovedForAll(address owner, address operator) view returns (bool)
function approve(address to, uint256 tokenId)
function setApprovalForAll(address operator, bool approved)
function transferFrom(address from, address to, uint256 tokenId)
function safeTransferFrom(address from, address to, uint256 tokenId)
function safeTransferFrom(address from, address to, uint256 tokenId, bytes data)
event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)
event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId)
event ApprovalForAll(address indexed owner, address indexed operator, bool approved)
"""
_ERC1155: Final = """
function supportsInterface(bytes4 interfaceId) view returns (bool)
function uri(uint256 id) view returns (string)
function balanceOf(address account, uint256 id) view returns (uint256)
function balanceOfBatch(address[] accounts, uint256[] ids) view returns (uint256[])
function isApprovedForAll(address account, address operator) view returns (bool)
function setApprovalForAll(address operator, bool approved)
function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data)
function safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] values, bytes data)
event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)
event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)
event ApprovalForAll(address indexed account, address indexed operator, bool approved)
event URI(string value, uint256 indexed id)
"""
_TEXTS: Final[dict[str, str]] = {"erc20": _ERC20, "erc721": _ERC721, "erc1155": _ERC1155}
_LINE: Final = re.compile(r"(function|event) (\w+)\((.*?)\)(?: (view))?(?: returns \((\w+(?:\[\])?)\))?")


@cache
def abi_of(kind: ContractType) -> tuple[Entry, ...]:
    """The standard's ABI; () for a custom contract."""
    return tuple(checked([_parsed(line) for line in _TEXTS.get(kind, "").split("\n") if line]))


def _parsed(line: str) -> Entry:
    found = _LINE.fullmatch(line)
    assert found is not None, line
    entry: Entry = {
        "type": found[1],
        "name": found[2],
        "inputs": [_parameter(one) for one in _split(found[3])],
    }
    if found[1] == "function":
        entry["stateMutability"] = found[4] or "nonpayable"
        entry["outputs"] = [{"name": "", "type": found[5]}] if found[5] else []
    return entry


def _split(inputs: str) -> list[str]:
    return [one.strip() for one in inputs.split(",") if one.strip()]


def _parameter(said: str) -> Entry:
    kind, *rest = said.split(" ")
    return {"type": kind, "name": rest[-1], "indexed": rest[0] == "indexed"}
