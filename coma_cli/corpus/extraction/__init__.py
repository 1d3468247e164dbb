"""From what a model wrote to the program that is run."""
