"""The files with a base's weights, one after the other: in a folder, in coma's cache, or on the Hub."""

from pathlib import Path

from coma_cli.models.loading import model_folder
from coma_cli.models.model_files import ModelFiles, opened
from coma_cli.models.resolution import ResolvedBase
from coma_cli.models.safetensors_header import tensor_shapes


def base_files(resolved: ResolvedBase) -> ModelFiles:
    """The files of a base; embedded weights and a Qwen of 2023 are converted first, files on the Hub fetched one by
    one.

    Raises:
        CliError: the base's blocker, or what is wrong with the files to convert.
    """
    return ModelFiles.at(resolved.name, model_folder(resolved), resolved.revision)


def names_in(shard: Path) -> list[str]:
    """The names of the tensors in a file of weights, in the order in which `opened` gives them.

    Raises:
        MissingInputError: the file is damaged.
    """
    if shard.suffix == ".safetensors":
        from safetensors import safe_open

        tensor_shapes(shard)  # explains what is wrong with a damaged file
        with safe_open(shard, "pt") as content:
            return list(content.keys())
    with opened(shard) as content:
        return [name for name, _ in content]
