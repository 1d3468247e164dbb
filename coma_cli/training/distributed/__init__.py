"""Training by several processes: who they are, which rows each of them gets, and weights that are sharded over them."""
