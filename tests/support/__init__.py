"""Shared code of the tests: fake APIs, builders, golden files."""
