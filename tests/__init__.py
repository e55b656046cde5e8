"""Tests; the folders mirror etl/."""
