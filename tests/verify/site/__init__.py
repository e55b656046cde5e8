"""verify --site."""
