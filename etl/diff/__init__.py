"""Diff: what changed between two published sets."""
