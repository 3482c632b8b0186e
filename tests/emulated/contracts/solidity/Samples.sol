// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

contract Coin is ERC20 {
    uint8 private immutable digits;

    constructor(string memory name_, string memory symbol_, uint8 decimals_, uint256 supply) ERC20(name_, symbol_) {
        digits = decimals_;
        _mint(msg.sender, supply);
    }

    function decimals() public view override returns (uint8) {
        return digits;
    }
}

contract Picture is ERC721 {
    constructor() ERC721("Picture", "PIC") {
        _mint(msg.sender, 7);
    }
}

contract Items is ERC1155 {
    constructor() ERC1155("https://items.example/{id}") {
        _mint(msg.sender, 1, 5, "");
    }
}

// Every shape of values, and overloads.
contract Shapes {
    struct Point { int256 x; int256 y; }
    struct Shape { string name; Point[] points; bytes4 tag; }

    error Refused(address who, uint256 amount);
    event Drawn(address indexed by, string name);
    event Moved(Point point, uint256[] indexed steps);

    uint256 public stored;

    function echo(Shape calldata shape) external pure returns (Shape memory) { return shape; }
    function echo(uint256 number) external pure returns (uint256) { return number; }
    function echo(int8 number, bool flag) external pure returns (int8 small, bool yes) { return (number, flag); }
    function matrix(uint16[2][] calldata rows) external pure returns (uint16[2][] memory) { return rows; }
    function data(bytes calldata text, bytes32 word) external pure returns (bytes memory, bytes32) { return (text, word); }
    function who() external view returns (address) { return msg.sender; }
    function nothing() external pure {}
    function set(uint256 value) external { stored = value; emit Drawn(msg.sender, "set"); }
    function pay() external payable { stored = msg.value; }
    function refuse(uint256 amount) external view { revert Refused(msg.sender, amount); }
    function fail() external pure { require(false, "not today"); }
    function panic(uint256 by) external pure returns (uint256) { return 1 / by; }
}

contract Beacons {
    BeaconProxy public proxy;
    ERC1967Proxy public plain;
    address public clone;
    Shapes public target = new Shapes();

    constructor() {
        proxy = new BeaconProxy(address(new UpgradeableBeacon(address(target), msg.sender)), abi.encodeCall(Shapes.nothing, ()));
        plain = new ERC1967Proxy(address(target), abi.encodeCall(Shapes.nothing, ()));
        clone = Clones.clone(address(target));
    }
}
