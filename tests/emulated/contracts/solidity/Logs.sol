// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Logs what it is told to.
contract Logger {
    event Noted(uint256 indexed number, address indexed by, string text);
    event Renamed(string indexed name, bool indexed yes);
    event Hidden(uint256 indexed number) anonymous;

    function note(uint256 number, string calldata text) external { emit Noted(number, msg.sender, text); }
    function rename(string calldata name, bool yes) external { emit Renamed(name, yes); }
    function hide(uint256 number) external { emit Hidden(number); }
    function bomb(uint256 count, uint256 size) external {
        bytes memory text = new bytes(size);
        for (uint256 at = 0; at < count; at++) emit Noted(at, msg.sender, string(text));
    }
    // A log that is no event of anybody's ABI, and one whose data are not what its topic says.
    function lie() external {
        bytes32 topic = keccak256("Noted(uint256,address,string)");
        assembly {
            log1(0, 32, 0x01)
            mstore(0, not(0))
            log3(0, 32, topic, 1, 2)
            log1(0, 0, topic)
            log0(0, 0)
        }
    }
}

contract LoggerFactory {
    event Made(address indexed logger, uint256 number);
    uint256 public made;

    function make(uint256 count) external {
        for (uint256 at = 0; at < count; at++) {
            Logger logger = new Logger();
            emit Made(address(logger), made++);
            logger.note(at, "born");
        }
    }
}

// Passes on what it gets, within its own transaction.
contract Pass {
    function on(address payable to) external payable {
        (bool done,) = to.call{value: msg.value}("");
        require(done);
    }
}
