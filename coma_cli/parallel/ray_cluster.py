"""The connection to a Ray cluster, for whatever runs there.

Where Ray is (`RAY_ADDRESS`) and how its nodes are started is Ray's own business; without an address Ray starts on this
machine alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from typing import Any, Literal

from coma_cli.errors import CliError, missing_package

Cluster = Literal["ray"]


def blocker() -> CliError | None:
    """What stands in the way of a cluster here."""
    return None if util.find_spec("ray") else missing_package("ray", "--cluster ray")


@contextmanager
def connected() -> Iterator[Any]:
    """The module `ray`, joined to its cluster; left again at the end unless it was joined before.

    Raises:
        MissingPackageError: ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise missing_package("ray", "--cluster ray") from None
    ours = not ray.is_initialized()
    if ours:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(logging_level="error", log_to_driver=False, include_dashboard=False)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()
