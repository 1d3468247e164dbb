"""Work spread over the cores of this machine or the nodes of a Ray cluster."""
