"""`coma score`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("score")
def score(shared: Shared, flags: Flags) -> None:
    """Run sampled programs against a benchmark's tests in a sandbox, and report pass@k with confidence intervals.

    Example: coma score --bench humaneval --samples samples.jsonl
    """
    execute("score", shared, flags)
