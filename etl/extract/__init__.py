"""Extract: the APIs to data/raw."""
