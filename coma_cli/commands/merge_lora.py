"""`coma merge-lora`: one plain model from base and adapter."""

from pathlib import Path
from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute

_MERGE = "Merge"

AdapterOption = Annotated[
    Path | None,
    typer.Option("--adapter", help="Folder of an adapter; default: the newest finetune's.", rich_help_panel=_MERGE),
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base", "--model-name-or-path", help="The adapter's base, if it names none.", rich_help_panel=_MERGE
    ),
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, branch or tag on the hub.", rich_help_panel=_MERGE)]
DtypeOption = Annotated[
    str | None, typer.Option(help="float32, bfloat16 or float16; default: the base's own.", rich_help_panel=_MERGE)
]
OntoOption = Annotated[
    str | None,
    typer.Option(help="After QLoRA: trained (the 4-bit base, default) or published.", rich_help_panel=_MERGE),
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N (auto).", rich_help_panel=_MERGE)]
RemoteCodeOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code from the base's repository.", rich_help_panel=_MERGE)
]
PickleOption = Annotated[bool, typer.Option("--allow-pickle", help="Read pickled weights.", rich_help_panel=_MERGE)]


@options.with_shared_options
def merge_lora(
    shared: options.Shared,
    adapter: AdapterOption = None,
    base: BaseOption = None,
    revision: RevisionOption = None,
    dtype: DtypeOption = None,
    onto: OntoOption = None,
    device: DeviceOption = None,
    trust_remote_code: RemoteCodeOption = False,
    allow_pickle: PickleOption = False,
) -> None:
    """Merge an adapter into its base, and prove that the result answers as both together did."""
    flags = {
        "adapter": str(adapter) if adapter else None,
        "base": base,
        "revision": revision,
        "dtype": dtype,
        "onto": onto,
        "runtime.device": device,
        "runtime.trust_remote_code": trust_remote_code or None,
        "runtime.allow_pickle": allow_pickle or None,
    }
    execute("merge-lora", shared, flags)
