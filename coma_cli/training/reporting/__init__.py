"""What people watch while a model is tuned: experiment trackers, each in a module of its own."""
