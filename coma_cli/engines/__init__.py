"""Text generation behind one interface."""
