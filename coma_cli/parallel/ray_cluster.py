"""The connection to a Ray cluster.

Ray's own configuration decides where it is (`RAY_ADDRESS`) and how its nodes are started; without an address Ray starts
on this machine only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from typing import Any, Literal

from coma_cli.errors import CliError, missing_package

Cluster = Literal["ray"]


def blocker() -> CliError | None:
    """Why a cluster can't be used here, or None."""
    return None if util.find_spec("ray") else missing_package("ray", "--cluster ray")


@contextmanager
def connected() -> Iterator[Any]:
    """The module `ray`, connected to its cluster; disconnects at the end unless it was connected before.

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
