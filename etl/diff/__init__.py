"""What changed between two published sets: of their models first, then of their pages."""
