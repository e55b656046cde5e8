"""Tests of etl/verify."""
