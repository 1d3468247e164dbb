"""Readers for files of rows, shared by all commands, and the Hugging Face Hub client for data."""
