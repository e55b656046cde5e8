"""Verify: checks of data/manifests, read again from data/raw."""
