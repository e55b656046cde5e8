"""What every package builds on: errors, the data layout, JSON Schema validation, text. Imports nothing of etl."""
