"""Frames and values exchanged by supervisor, zygote and checker."""
