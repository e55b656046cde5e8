"""Tests of the example client and marketplace in Chromium; `make test-browser` runs them."""
