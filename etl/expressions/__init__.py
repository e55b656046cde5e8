"""jq expressions of filters.toml: what they read, and their evaluation on models in a process with limits."""
