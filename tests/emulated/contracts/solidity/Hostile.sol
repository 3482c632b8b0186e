// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract RevertingConstructor {
    error TooEarly(uint256 until);
    constructor(uint256 kind) {
        if (kind == 0) revert TooEarly(42);
        require(kind != 1, "no way");
        if (kind == 2) assembly { revert(0, 0) }
    }
}

// What it answers depends on what is asked, and is not what its ABI says.
contract Liar {
    // Answers 3 MB.
    function huge() external pure returns (bytes memory) { assembly { mstore(0, 0x20) return(0, 3000000) } }
    // Offsets that all point to one place: a few kilobytes that stand for 512^3 numbers.
    function folded() external pure returns (uint256[][][] memory) {
        assembly {
            mstore(0, 0x20)
            mstore(0x20, 512)
            for { let i := 0 } lt(i, 512) { i := add(i, 1) } { mstore(add(0x40, mul(i, 0x20)), 0x4000) }
            mstore(0x4040, 512)
            for { let i := 0 } lt(i, 512) { i := add(i, 1) } { mstore(add(0x4060, mul(i, 0x20)), 0x4000) }
            mstore(0x8060, 512)
            return(0, 0xc080)
        }
    }
    function short() external pure returns (uint256) { assembly { return(0, 5) } }
    function empty() external pure returns (uint256) { assembly { return(0, 0) } }
    function unreadable() external pure returns (string memory) {
        assembly { mstore(0, 0x20) mstore(0x20, 2) mstore(0x40, shl(240, 0xfffe)) return(0, 0x60) }
    }
    function beyond() external pure returns (bytes memory) {
        assembly { mstore(0, not(0)) return(0, 0x40) }
    }
    function notABool() external pure returns (bool) { assembly { mstore(0, 2) return(0, 0x20) } }
    function endless() external pure returns (uint256) { while (true) {} return 1; }
    function hugeRevert() external pure { assembly { revert(0, 200000) } }
    // EIP-3668: asks its caller to fetch a URL.
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);
    function lookup() external view returns (uint256) {
        string[] memory urls = new string[](1);
        urls[0] = "http://127.0.0.1:1/{sender}/{data}";
        revert OffchainLookup(address(this), urls, "", this.lookup.selector, "");
    }
    function gone() external { selfdestruct(payable(msg.sender)); }
    receive() external payable {}
}

// Says yes to every interface, and what it says of itself is odd.
contract LyingToken {
    function supportsInterface(bytes4) external pure returns (bool) { return true; }
    function name() external pure returns (string memory) { assembly { mstore(0, 0x20) mstore(0x20, 2) mstore(0x40, shl(240, 0xfffe)) return(0, 0x60) } }
    function symbol() external pure returns (bytes32) { return "MKR"; }
    function decimals() external pure returns (uint256) { return type(uint256).max; }
    function totalSupply() external pure returns (uint256) { revert(); }
}

// An ERC-20 of the time before strings.
contract OldToken {
    function name() external pure returns (bytes32) { return "Maker"; }
    function symbol() external pure returns (bytes32) { return "MKR"; }
    function decimals() external pure returns (uint256) { return 18; }
    function totalSupply() external pure returns (uint256) { return 5; }
    function balanceOf(address) external pure returns (uint256) { return 1; }
    function transfer(address, uint256) external pure {}
}

// Multicall3's aggregate3, as far as it is used.
contract Aggregator {
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Result { bool success; bytes returnData; }
    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            (results[i].success, results[i].returnData) = calls[i].target.call(calls[i].callData);
            require(results[i].success || calls[i].allowFailure, "Multicall3: call failed");
        }
    }
}
