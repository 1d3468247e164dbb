"""How many rows to go on with when memory ran out."""

import gc

import torch

from coma_cli.errors import CliError


def fewer_rows(rows: int, unfinished: int) -> int:
    """Half of the rows that were computed at once, after returning what their cache held.

    Call it when no exception is being handled: its traceback would keep the cache alive.

    Raises:
        CliError: it was only one row.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    computed = max(1, min(rows, unfinished))
    if computed == 1:
        raise one_row_too_many()
    return computed // 2


def one_row_too_many() -> CliError:
    """The error for a row that does not fit in memory alone."""
    return CliError(
        "A single row does not fit in memory; rows finished so far are kept.",
        "Use a smaller --max-new-tokens, another dtype, or a smaller model.",
    )
