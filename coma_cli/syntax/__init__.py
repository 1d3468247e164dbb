"""Source code as syntax: trees, leaves and functions of the languages that rows are written in."""
