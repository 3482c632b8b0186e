"""What only a local run has: a test coin on its node, and a faucet. Nothing of it is in the image."""
