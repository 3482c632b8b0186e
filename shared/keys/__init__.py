"""Keys and signatures: the vault, derivation, encodings, signing."""
