"""Which models of a stream match which filter, in which order, and how many are dropped on the way."""
