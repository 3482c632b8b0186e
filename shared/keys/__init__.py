"""Custody: the vault that seals secrets, and everything that turns a secret into an address or a signature.

    vault.py      KeyVault, Binding, SealedKey   local.py  a master key in a file   kms.py  Cloud KMS
    mnemonic.py   BIP-39                         hd.py     BIP-32 and BIP-44 paths
    accounts.py   keys, addresses, signing       transactions.py  EIP-155, EIP-2930 and EIP-1559 bytes
    messages.py   EIP-191 and EIP-712            keystore.py      keystore V3

A secret is `bytes`, held for as long as the call that needs it; it appears in no message, repr or log.
Import the module that you need: this package imports none of them, and web3, eth_account and google are
imported in functions.
"""
