"""Weights & Biases: offline unless there is a key; then `wandb sync` sends the run later.

Import it inside functions: it needs the package wandb.
"""

import netrc
import os
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from coma_cli import console
from coma_cli.training.reporting.tracker import PROJECT, End, ReportedRun

NAME = "wandb"
_HOST = "https://api.wandb.ai"
_EXIT_CODES: Mapping[End, int] = {"finished": 0, "failed": 1, "interrupted": 130}


class WandbTracker:
    """One run, by the same id at every start, so that a resumed one continues it."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of a step."""
        self._run.log(dict(figures), step=step)

    def close(self, end: End) -> None:
        """Finish the run with the exit code of its end."""
        self._run.finish(exit_code=_EXIT_CODES[end])


def has_key() -> bool:
    """Whether a key for the server is in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", _HOST)).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def start(run: ReportedRun) -> WandbTracker:
    """Open the run; nothing but its settings and figures is recorded: no output, no code, nothing of the machine."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # reports of its own faults to its maker
    import wandb

    own = run.earlier_id(NAME) or secrets.token_hex(4)
    run.keep_id(NAME, own)
    chosen: Literal["online", "offline"] = "online" if has_key() else "offline"
    opened = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=run.name,
        id=own,
        resume="allow",
        dir=os.environ.get("WANDB_DIR") or str(run.folder),
        config=run.parameters(),
        mode=None if os.environ.get("WANDB_MODE") else chosen,
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            save_code=False,
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        ),
    )
    if opened.offline:
        console.note(f"wandb is offline: wandb sync {opened.dir.removesuffix('/files')} sends the run")
    return WandbTracker(opened)
