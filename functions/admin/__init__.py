"""Administration of accounts, and the resources of all users, for operators."""
