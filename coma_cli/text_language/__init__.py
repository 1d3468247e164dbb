"""Natural languages: which one a text is written in."""
