"""Rules of contracts: rows, ABIs, standards."""
