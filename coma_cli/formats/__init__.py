"""Files of rows: what people publish and share, read in one way everywhere; and the one client of the hub for data."""
