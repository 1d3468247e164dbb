"""Merging an adapter into its base, and verifying the result."""
