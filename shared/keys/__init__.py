"""Custody: the vault that seals secrets, and everything that turns a secret into an address or a signature.

    vault.py      KeyVault, Binding, SealedKey   local.py  a master key in a file   kms.py  Cloud KMS
    mnemonic.py   BIP-39                         hd.py     BIP-32 and BIP-44 paths
    accounts.py   keys, addresses, signing       transactions.py  EIP-155, EIP-2930, EIP-1559 bytes and back
    messages.py   EIP-191                        typed_data.py    EIP-712
    keystore.py   keystore V3                    errors.py        refusals and faults

A secret is `bytes`, held for as long as the call that needs it; it appears in no message, repr or log.
Import the module that you need: this package imports none of them. google is imported in functions; web3 and
eth_account are not used at all (0.5 s of a cold start, and a raised recursion limit).
"""
