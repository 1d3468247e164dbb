"""coma: from code and instruction data to a tuned code model and a benchmark number that can be defended."""

__version__ = "0.1.0"

# Message and hint of Ctrl-C; here, since it may come before anything else is loaded.
INTERRUPTED = ("Interrupted; the output so far is kept.", "Run the same command again to resume.")
