"""Manifests of AI models: extract, transform, load and verify, meeting on disk."""
