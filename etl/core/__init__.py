"""Shared by all packages: errors, the data layout, JSON Schema validation, text sanitising. Imports nothing of etl."""
