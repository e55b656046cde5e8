"""Which models of a stream match which filter, and how many are dropped on the way."""
