"""`python -m coma_cli`, which is also what `accelerate launch -m coma_cli` starts."""

from coma_cli.cli import main

if __name__ == "__main__":
    main()
