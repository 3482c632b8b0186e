"""Contracts by their ABI: encode, call, deploy, look at tokens and proxies; web3 does its work here."""
