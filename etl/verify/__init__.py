"""Checks of what is published, and what changed since the last commit."""
