"""`coma finetune`, which also takes the configuration files of CoMA, CodeCapybara and peft."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


def _option(*names: str, metavar: str, meaning: str) -> tuple[Any, None]:
    return Annotated[str | None, typer.Option(*names, metavar=metavar, help=meaning, hidden=True)], None


# Options in the spelling of the programs whose files are taken; docs/recipes.md lists them.
FOREIGN_OPTIONS = {
    "train_args_file": _option("--train_args_file", metavar="FILE", meaning="CoMA's --config"),
    "model_type": _option("--model-type", metavar="fine-tuning|lora", meaning="CodeCapybara's choice of a mode"),
    "lora_config": _option("--lora_config", "--lora-config", metavar="FILE", meaning="Shape of the adapter, as peft's"),
}


@stage_command("finetune", FOREIGN_OPTIONS)
def finetune(shared: Shared, flags: Flags) -> None:
    """Tune a base model on instruction rows: LoRA, QLoRA or all weights, on a GPU or a CPU.

    Example: coma finetune --base smollm2-135m --lora --max-steps 30
    """
    own = {name: value for name, value in flags.items() if name not in FOREIGN_OPTIONS}
    execute("finetune", _accepted(shared, {name: flags.get(name) for name in FOREIGN_OPTIONS}, own), own)


def _accepted(shared: Shared, given: Flags, own: Flags) -> Shared:
    """The shared options with a foreign configuration as assignments before the user's own.

    Raises:
        MissingInputError, UsageError: a file can't be read, or it contradicts itself, another file or an option.
    """
    from coma_cli import console
    from coma_cli.errors import UsageError
    from coma_cli.training import foreign_configs as foreign

    if given["train_args_file"] is not None:
        if shared.config is not None:
            raise UsageError("--config and --train_args_file exclude each other.", "Keep one of them: --config")
        foreign.read_content(Path(given["train_args_file"]))
        shared = replace(shared, config=given["train_args_file"])
    found = foreign.foreign_file(shared.config)
    if found is not None:
        shared = replace(shared, config=None)
    found = found or foreign.TranslatedFile()
    if given["lora_config"] is not None:
        found = foreign.with_lora_config(found, Path(given["lora_config"]))
    if given["model_type"] is not None:
        found = foreign.of_model_type(found, given["model_type"], own.get("mode"))
    for line in found.notes:
        console.note(line)
    return replace(shared, assignments=(*found.assignments(), *shared.assignments))
