"""The rules of contracts: rows, ABIs, standards."""
