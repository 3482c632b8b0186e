"""Custody, policies, approval, signing, deletion."""
