"""What tunes and merges models."""
