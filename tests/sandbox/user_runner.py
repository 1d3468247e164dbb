"""Runs programs in a sandbox as another user; run as its own process, since it drops privileges for good.

Started by the tests as `python -m tests.sandbox.user_runner`, with programs as lines of JSON on standard input. Needs
the standard library only, so that any interpreter that an unprivileged user can reach will do. Writes one JSON line a
program: `[key, verdict, detail]`.
"""

import argparse
import json
import os
import sys

from coma_cli.sandbox import Limits, Program, Sandbox
from coma_cli.sandbox.inside.isolation import namespaces


def main() -> None:
    """Run what comes in."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--isolation", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--cpu", type=float, required=True)
    parser.add_argument("--layers-off", default="")
    options = parser.parse_args()
    programs = [
        Program(**{**fields, "entry_points": tuple(fields["entry_points"])}) for fields in map(json.loads, sys.stdin)
    ]
    if os.getuid() == 0:
        namespaces.become(options.uid)
    limits = Limits(cpu_s=options.cpu, wall_s=2 * options.cpu)
    off = frozenset(options.layers_off.split(",")) - {""}
    with Sandbox(isolation=options.isolation, limits=limits, workers=options.workers, layers_off=off) as sandbox:
        for outcome in sandbox.run(programs):
            print(json.dumps([outcome.key, outcome.verdict, outcome.detail]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
