"""Why samples fail."""
