"""The YAML header of the data card: what the Hugging Face Hub shows of a data set, and how `datasets` loads it.

With it `load_dataset(RUN_FOLDER, NAME)` loads a run by the names of its configurations: `default` (whole rows, both
sides), `instructions` (as in CoMIT.json), each task, each sub-dataset and each export but Parquet. The types of all
columns are given, since a loader that guesses them by the first rows fails at an optional field that is set later.

Source: the specification of a data set's card, huggingface/hub-docs, datasetcard.md.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from coma_cli.catalog.licences.hub_names import MIXED, hub_licence
from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.tasks import TASKS
from coma_cli.dataset.assembling import COMIT, TRAIN, VALIDATION
from coma_cli.dataset.exports import EXPORTS, ROW_FORMS, alpaca, file_of, validation_file
from coma_cli.dataset.summary import BuildDataSummary
from coma_cli.languages import UNSPECIFIED
from coma_cli.records import Example, Origin, TextLanguage

DEFAULT, INSTRUCTIONS = "default", "instructions"
_HUB_LANGUAGES: Mapping[TextLanguage, str] = {"en": "en", "cn": "zh"}
_TEXT_GENERATION = "text-generation"
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGEST = "10M<n<100M"
# Has a value in every field, so that it shows their types.
_FULL_ROW = Example(
    id="", task="", source="", language="", instruction="", output="", licence="", origin=Origin(lines=(1, 1))
)


class Configuration(NamedTuple):
    """A part of the data that can be loaded by its name: its files by side, and the types of its columns."""

    name: str
    files: Mapping[str, list[str]]
    features: list[dict[str, Any]]


def header(summary: BuildDataSummary, files: Collection[str]) -> dict[str, Any]:
    """The header of the card of a run that has these files."""
    parts = list(configurations(summary, files))
    rows = summary.rows.total
    return {
        "pretty_name": f"Code instructions ({summary.mixture})",
        **_licence(summary),
        "language": sorted(_HUB_LANGUAGES[name] for name in _HUB_LANGUAGES if name in summary.text_languages),
        "task_categories": _task_categories(summary),
        "tags": _tags(summary),
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), _LARGEST)],
        "configs": [
            {
                "config_name": part.name,
                "data_files": [{"split": side, "path": _path(names)} for side, names in part.files.items()],
            }
            for part in parts
        ],
        "dataset_info": [{"config_name": part.name, "features": part.features} for part in parts],
    }


def configurations(summary: BuildDataSummary, files: Collection[str]) -> Iterator[Configuration]:
    """All configurations of a run that has these files; a side without rows is not listed."""
    sides = [("train", summary.rows.train, TRAIN), ("validation", summary.rows.validation, VALIDATION)]
    filled = {side: [name] for side, rows, name in sides if rows}
    body = features_of(alpaca(_FULL_ROW))
    if filled:
        yield Configuration(DEFAULT, filled, features_of(_FULL_ROW.to_row()))
    if COMIT in files and summary.rows.train:
        yield Configuration(INSTRUCTIONS, {"train": [COMIT]}, body)
    for name, names in (*_by_task(summary), *_by_sub_dataset(summary)):
        if there := _both_sides(names, files):
            yield Configuration(name, there, body)
    for form, make in ROW_FORMS.items():
        if make is None:  # Parquet: `datasets` reads all parts of a card by the reader of the first one's files
            continue
        found = {side: [name for name in files if name.startswith(f"{EXPORTS}/{form}/{side}.")] for side in filled}
        if any(found.values()):
            yield Configuration(form, found, features_of(make(_FULL_ROW)))


def features_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns of rows like this one, as `datasets` writes them in a card."""
    return [_feature(name, value) for name, value in row.items()]


def _feature(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"name": name, "struct": features_of(value)}
    if isinstance(value, (list, tuple)):
        inner = value[0]
        return {"name": name, "list": features_of(inner) if isinstance(inner, Mapping) else _dtype(inner)}
    return {"name": name, "dtype": _dtype(value)}


def _dtype(value: Any) -> str:
    return {str: "string", int: "int64"}[type(value)]


def _path(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _by_task(summary: BuildDataSummary) -> Iterator[tuple[str, list[str]]]:
    """Each task with the names of the files that hold its training rows and no others."""
    mixture = MIXTURES[summary.mixture]
    tasks_of = {
        entry.file: {other.task for other in mixture.subsets if other.file == entry.file} for entry in mixture.subsets
    }
    for task in [*filter(summary.tasks.__contains__, TASKS), *sorted(summary.tasks.keys() - set(TASKS))]:
        own = [name for name, tasks in tasks_of.items() if tasks == {task}]
        yield task, [*own, *(file_of(mixture, -1, task, language) for language in _HUB_LANGUAGES)]


def _by_sub_dataset(summary: BuildDataSummary) -> Iterator[tuple[str, list[str]]]:
    """Each file of the mixture, named by the sub-datasets in it."""
    mixture = MIXTURES[summary.mixture]
    for file in dict.fromkeys(entry.file for entry in mixture.subsets):
        names = "+".join(entry.name for entry in mixture.subsets if entry.file == file)
        yield f"{mixture.name}-{names}", [file]


def _both_sides(names: Iterable[str], files: Collection[str]) -> dict[str, list[str]]:
    listed = list(names)
    sides = {
        "train": [name for name in listed if name in files],
        "validation": [validation_file(name) for name in listed if validation_file(name) in files],
    }
    return {side: found for side, found in sides.items() if found}


def _licence(summary: BuildDataSummary) -> dict[str, str]:
    fields = hub_licence(summary.licences)
    if fields.get("license_name") == MIXED:
        listed = ", ".join(f"{name} ({count.total})" for name, count in summary.licences.items())
        fields["license_details"] = f"Each row names its licence; rows by licence: {listed}."
    return fields


def _task_categories(summary: BuildDataSummary) -> list[str]:
    """The Hub's categories of the tasks; every row can be used for text generation."""
    found = {TASKS[name].hub_category for name in summary.tasks if name in TASKS}
    return [_TEXT_GENERATION, *sorted(found - {_TEXT_GENERATION})]


def _tags(summary: BuildDataSummary) -> list[str]:
    languages = sorted(name for name in summary.languages if name != UNSPECIFIED)
    return ["code", "instruction-tuning", *sorted(summary.tasks), *languages]
