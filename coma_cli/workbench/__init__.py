"""What looks over the whole workspace: recipes, and the table of what was made."""
