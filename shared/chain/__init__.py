"""EVM chains: which there are, how nodes are asked, and what their answers mean."""
