"""The rollout of a release, region by region."""
