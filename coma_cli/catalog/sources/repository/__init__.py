"""The user's own code as a source."""
