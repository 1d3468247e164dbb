"""Finding a model by its name, loading it, and what is known of models behind an API."""
