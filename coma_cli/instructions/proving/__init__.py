"""How far a generated program is proven: parsed, run, its function called, tested, agreed on by several programs."""
