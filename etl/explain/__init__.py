"""Explain: why a manifest is what it is, where a model is, and how two manifests differ."""
