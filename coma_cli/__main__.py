"""The executable, and `python -m coma_cli`, which is also what `accelerate launch -m coma_cli` starts.

Nothing is imported before somebody listens for Ctrl-C: loading the command line takes a few tenths of a second.
"""

import sys

from coma_cli import INTERRUPTED


def main() -> None:
    """Run the command line; Ctrl-C is one message from the first moment on."""
    try:
        from coma_cli import cli

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("Error: {}\nHint: {}\n".format(*INTERRUPTED))
        sys.exit(130)


if __name__ == "__main__":
    main()
