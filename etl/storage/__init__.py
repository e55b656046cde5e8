"""Files on disk: JSON, ledgers, locks, directory swaps, snapshots of a folder or a git revision."""
