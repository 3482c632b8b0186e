"""Administration of accounts, and everything of all users for operators."""
