"""filters.toml: sources with their axes, options, filters and streams."""
