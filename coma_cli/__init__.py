"""coma: from code and instruction data to a tuned code model and a benchmark number that can be defended."""

__version__ = "0.1.0"
