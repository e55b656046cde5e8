"""An HTML page about a data folder: what was made, from what, and why."""
