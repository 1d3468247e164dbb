"""Code in folders of the user's own."""
