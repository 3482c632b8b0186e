"""Rules of supplies, orders, claims and their settlement."""
