"""Fetching of published data: where it lies, the download of one file, and the folder in which files are kept."""
