"""`coma finetune`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("finetune")
def finetune(shared: Shared, flags: Flags) -> None:
    """Tune a base model on instruction rows: LoRA, QLoRA or all weights, on a GPU or a CPU.

    Example: coma finetune --base smollm2-135m --lora --max-steps 30
    """
    execute("finetune", shared, flags)
