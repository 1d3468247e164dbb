"""Processing of rows, whatever their source."""
