"""The parts of `coma sample`: planning, requests and rows."""
