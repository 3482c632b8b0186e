"""The parts that only a local run has: a test coin on its node, and a faucet. The image contains none of them."""
