"""`coma sample`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("sample")
def sample(shared: Shared, flags: Flags) -> None:
    """Sample completions of a benchmark's problems from a model, each with a seed of its own.

    Asking for more (-n, --limit, --task-ids) continues the same run. A command that was killed is resumed by typing it
    again, and ends in the same rows.

    Example: coma sample --bench humaneval --model smollm2-135m -n 5 --temperature 0.8
    """
    execute("sample", shared, flags)
