"""Checks of the Terraform files without a cloud."""
