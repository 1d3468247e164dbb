"""Tools for a whole workspace: recipes, and the table of their results."""
