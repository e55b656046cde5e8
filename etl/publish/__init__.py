"""Publish: manifests and models to the static files that clients download."""
