"""Licences: detecting them, and what each permits."""
