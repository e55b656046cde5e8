"""The APIs: one package per source, described by the interface in source.py."""
