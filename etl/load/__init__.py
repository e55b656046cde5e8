"""Load: data/models to data/manifests."""
