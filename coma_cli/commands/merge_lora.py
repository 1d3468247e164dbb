"""`coma merge-lora`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("merge-lora")
def merge_lora(shared: Shared, flags: Flags) -> None:
    """Merge an adapter into its base model, and verify that the result answers as both together do.

    Example: coma merge-lora --dtype float32
    """
    execute("merge-lora", shared, flags)
