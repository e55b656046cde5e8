"""Tests of etl/load."""
