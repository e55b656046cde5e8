"""Which models of a stream match which filter, and why the others do not."""
