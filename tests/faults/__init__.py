"""The long proofs: `make prove`, or one of them with PART=…."""
