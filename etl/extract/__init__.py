"""Extract: fetches the pages of the APIs into data/raw."""
