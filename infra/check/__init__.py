"""Checks of the Terraform files that need no cloud."""
