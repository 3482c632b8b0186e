"""Rules of wallets and of what their policies allow."""
