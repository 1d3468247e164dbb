"""What a row must be to be trained on: cleaning, secrets, languages of texts."""
