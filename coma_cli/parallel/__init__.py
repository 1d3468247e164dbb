"""Parallel work on the cores of this machine or the nodes of a Ray cluster."""
