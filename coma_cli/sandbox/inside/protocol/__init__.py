"""Frames and values that cross between supervisor, zygote and checker."""
