"""What asks a model for instructions."""
