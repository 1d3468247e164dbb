"""`coma build-data`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("build-data")
def build_data(shared: Shared, flags: Flags) -> None:
    """Build an instruction data set from code and known sources: cleaned, deduplicated, decontaminated and split.

    Example: coma build-data --from-repo stdlib --tasks all
    """
    execute("build-data", shared, flags)
