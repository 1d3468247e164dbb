"""Licences: what each permits, and which one a text is."""
