"""Checks of what clients download, in a folder or at a URL; they share no code with what writes it."""
