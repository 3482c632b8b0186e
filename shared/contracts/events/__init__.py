"""The index of contracts' events and of deposits: read block by block, taken back where a block goes."""
