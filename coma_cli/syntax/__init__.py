"""Parsing source code: trees, tokens and functions in the programming languages that rows are written in."""
