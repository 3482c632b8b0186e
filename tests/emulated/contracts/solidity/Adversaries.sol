// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// 1. Creations that end in every way that one can end.
contract Creation {
    error TooEarly(uint256 until);
    constructor(uint256 kind) {
        if (kind == 0) revert TooEarly(42);
        require(kind != 1, "no way");
        if (kind == 2) assembly { revert(0, 0) }
        if (kind == 3) while (true) {}
        if (kind == 4) assembly { revert(0, 200000) }
        if (kind == 5) assembly { return(0, 24577) } // EIP-170
        if (kind == 6) assembly { mstore8(0, 0xef) return(0, 1) } // EIP-3541
        if (kind == 7) selfdestruct(payable(msg.sender));
        if (kind == 8) assembly { return(0, 0) }
    }
}

// 2. Errors that are none of those in its ABI, or much larger than they look.
contract Refuser {
    error Known(address who, uint256 amount);
    error Wide(bytes text);
    error Folded(uint256[][][] numbers);

    function known(uint256 amount) external view { revert Known(msg.sender, amount); }
    function wide(uint256 size) external pure { revert Wide(new bytes(size)); }
    function cut() external pure { _end(Known.selector, 36); }
    function garbled() external pure { // Error(string) whose text is no UTF-8
        assembly {
            mstore(0, shl(224, 0x08c379a0))
            mstore(4, 0x20)
            mstore(0x24, 2)
            mstore(0x44, shl(240, 0xfffe))
            revert(0, 0x64)
        }
    }
    // Offsets that all point to one place: 24 kilobytes that stand for 256^3 numbers.
    function folded() external pure {
        bytes4 selector = Folded.selector;
        assembly {
            mstore(0, selector)
            mstore(4, 0x20)
            mstore(0x24, 256)
            for { let i := 0 } lt(i, 256) { i := add(i, 1) } { mstore(add(0x44, mul(i, 0x20)), 0x2000) }
            mstore(0x2044, 256)
            for { let i := 0 } lt(i, 256) { i := add(i, 1) } { mstore(add(0x2064, mul(i, 0x20)), 0x2000) }
            mstore(0x4064, 256)
            revert(0, 0x6084)
        }
    }
    function _end(bytes4 selector, uint256 size) private pure { assembly { mstore(0, selector) revert(0, size) } }
}

// 3. A token that tells everybody that they are rich, and logs what never happened.
contract LyingCoin {
    event Transfer(address indexed from, address indexed to, uint256 value);
    uint256 private immutable mood;

    constructor(uint256 mood_) { mood = mood_; }

    function name() external pure returns (string memory) { return "Tether USD"; }
    function symbol() external pure returns (string memory) { return "USDT"; }
    function decimals() external pure returns (uint8) { return 6; }
    function totalSupply() external pure returns (uint256) { return type(uint256).max; }
    function balanceOf(address) external pure returns (uint256) { return type(uint256).max; }
    function pretend(address to) external { emit Transfer(msg.sender, to, type(uint256).max); }
    function transfer(address to, uint256 amount) external returns (bool) {
        if (mood == 0) return false;
        if (mood == 1) return true; // and nothing moves
        if (mood == 2) emit Transfer(msg.sender, to, amount); // and nothing moves
        if (mood == 3) assembly { mstore(0, 2) return(0, 0x20) } // neither yes nor no
        if (mood == 4) assembly { return(0, 2000000) }
        if (mood == 5) while (true) {}
        return true;
    }
}

// 4. Proxies that lead nowhere: to themselves, to nobody, to a beacon that does not stop talking.
contract LostProxy {
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    bytes32 private constant BEACON = 0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50;

    constructor(uint256 kind) {
        address where = kind == 0 ? address(this) : address(0xdead);
        if (kind < 2) assembly { sstore(IMPLEMENTATION, where) }
        if (kind == 2) { where = address(this); assembly { sstore(BEACON, where) } }
        if (kind == 3) assembly { sstore(IMPLEMENTATION, not(0)) }
    }
    function implementation() external pure returns (address) { assembly { return(0, 3000000) } }
    fallback() external payable {
        assembly {
            let where := sload(IMPLEMENTATION)
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), where, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

// 5. Contracts that go: one that leaves when asked, and one that is made and gone within one transaction (EIP-6780).
contract Doomed {
    event Last(uint256 indexed number);
    function go(uint256 number) external { emit Last(number); selfdestruct(payable(msg.sender)); }
}

contract Undertaker {
    address public last;
    function bury(uint256 number) external {
        Doomed made = new Doomed{salt: bytes32(0)}();
        last = address(made);
        made.go(number);
    }
    function keep() external { last = address(new Doomed{salt: bytes32(0)}()); }
}

// 6. As many events as a block holds, and as large.
contract Bomb {
    event Hit(uint256 indexed number, bytes text);
    function burst(uint256 count) external { for (uint256 at = 0; at < count; at++) emit Hit(at, ""); }
    function blast(uint256 size) external { emit Hit(size, new bytes(size)); }
}

// 7. Behaves while it is tried, and not in the block: what it looks at changes in between.
contract Chameleon {
    error Caught(uint256 height);
    uint256 private armed;
    function arm() external { armed = block.number; }
    function act() external { if (armed != 0) revert Caught(armed); }
}

// 8. A factory that names itself, nobody, accounts, and more contracts than anybody can follow.
contract GreedyFactory {
    event Made(address indexed made, uint256 number);
    function name(address who) external { emit Made(who, 0); }
    function flood(uint256 from, uint256 count) external {
        for (uint256 at = from; at < from + count; at++) emit Made(address(uint160(0x1000000 + at)), at);
    }
}

// 9. Takes all gas that it gets, whatever is asked; refuses what is sent to it.
contract Glutton {
    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return 0xffffffff;
    }
    receive() external payable { while (true) {} }
    fallback() external { while (true) {} }
}

// 10. Names that mean something to Python, to web3 and to the API's own parameters.
contract Misnamed {
    event limit(uint256 indexed cursor, uint256 indexed event_, address indexed self);
    function __init__(uint256 self) external pure returns (uint256 __class__) { return self; }
    function functions() external pure returns (uint256) { return 1; }
    function w3(uint256 abi_, uint256 args) external pure returns (uint256 kwargs, uint256 fn_name) { return (abi_, args); }
    function __class__() external pure returns (uint256) { return 2; }
    function encode_abi() external pure returns (uint256) { return 3; }
    function log(uint256 cursor) external { emit limit(cursor, 1, msg.sender); }
}
