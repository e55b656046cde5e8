"""Transform: data/raw to data/models."""
