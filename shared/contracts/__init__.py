"""Use contracts by their ABI: encode, call, deploy, inspect tokens and proxies. Only this package uses web3."""
