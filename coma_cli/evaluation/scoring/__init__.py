"""What `coma score` reads, runs and says."""
