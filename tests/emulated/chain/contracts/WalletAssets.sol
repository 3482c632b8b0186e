// SPDX-License-Identifier: MIT
pragma solidity 0.8.28;

/// An ERC-20 with every way out that the policy's decoder knows, and an executor of batches.
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => mapping(address => bool)) public isApprovedForAll;
    mapping(address => mapping(uint256 => uint256)) public items;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        items[to][1] += value;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (from != msg.sender) allowance[from][msg.sender] -= value;
        return _move(from, to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function increaseAllowance(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] += value;
        return true;
    }

    function decreaseAllowance(address spender, uint256 value) external returns (bool) {
        uint256 held = allowance[msg.sender][spender];
        allowance[msg.sender][spender] = value > held ? 0 : held - value;
        return true;
    }

    function transferAndCall(address to, uint256 value, bytes calldata) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function burn(uint256 value) external {
        _move(msg.sender, address(0), value);
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
    }

    function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes calldata) external {
        require(from == msg.sender || isApprovedForAll[from][msg.sender]);
        items[from][id] -= value;
        items[to][id] += value;
    }

    function safeBatchTransferFrom(address from, address to, uint256[] calldata ids, uint256[] calldata values, bytes calldata) external {
        require(from == msg.sender && ids.length == values.length);
        for (uint256 i; i < ids.length; ++i) {
            items[from][ids[i]] -= values[i];
            items[to][ids[i]] += values[i];
        }
    }

    function multicall(bytes[] calldata calls) external payable {
        for (uint256 i; i < calls.length; ++i) {
            (bool done,) = address(this).delegatecall(calls[i]);
            require(done);
        }
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}

contract Executor {
    struct Call3Value { address target; bool allowFailure; uint256 value; bytes callData; }
    struct Execution { address target; uint256 value; bytes data; }

    function aggregate3Value(Call3Value[] calldata calls) external payable {
        for (uint256 i; i < calls.length; ++i) {
            (bool done,) = calls[i].target.call{value: calls[i].value}(calls[i].callData);
            require(done || calls[i].allowFailure);
        }
    }

    function executeBatch(Execution[] calldata calls) external payable {
        for (uint256 i; i < calls.length; ++i) {
            (bool done,) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            require(done);
        }
    }

    receive() external payable {}
}
