// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A plain ERC-20 plus the ways a call can fail. Compiled to TestToken.json (solc 0.8.30, optimizer, evm paris).
contract TestToken {
    string public constant name = "Test Token";
    string public constant symbol = "TST";
    uint8 public constant decimals = 6;
    uint256 public totalSupply = 1_000_000e6;
    mapping(address => uint256) public balanceOf;
    bool public silent; // move without a Transfer log, as a broken token does

    event Transfer(address indexed from, address indexed to, uint256 value);

    error NotEnough(address owner, uint256 balance, uint256 needed);

    constructor() {
        balanceOf[msg.sender] = totalSupply;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        uint256 balance = balanceOf[msg.sender];
        if (balance < value) revert NotEnough(msg.sender, balance, value);
        balanceOf[msg.sender] = balance - value;
        balanceOf[to] += value;
        if (!silent) emit Transfer(msg.sender, to, value);
        return true;
    }

    function setSilent(bool value) external {
        silent = value;
    }

    function failWithReason() external pure {
        revert("no entry today");
    }

    function failWithPanic(uint256 by) external pure returns (uint256) {
        return 1 / by;
    }

    function failEmpty() external pure {
        revert();
    }
}
