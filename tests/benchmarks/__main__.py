"""Runs the speed measurements of this folder and prints their tables.

python -m tests.benchmarks                      all of them, each in its full size
python -m tests.benchmarks score                one of them
python -m tests.benchmarks score --rounds 1     with its own options
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path


def names() -> list[str]:
    """The modules of this folder that measure something."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if not name.startswith(("_", "test_")))


def main(arguments: Sequence[str]) -> int:
    """Run the measurements named before the first option, or all; an exit status."""
    place = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    chosen, options = list(arguments[:place]), list(arguments[place:])
    unknown = sorted(set(chosen) - set(names()))
    if unknown or (options and len(chosen) != 1):
        why = f"unknown: {', '.join(unknown)}" if unknown else "options go to one measurement only"
        sys.stderr.write(f"{why}; there are {', '.join(names())}\n")
        return 2
    for name in chosen or names():
        importlib.import_module(f"tests.benchmarks.{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
