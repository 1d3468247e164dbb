"""What readers of data sets document about their input, as checks: the Hub's cards, TRL and LLaMA-Factory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.catalog.licences.hub_names import HUB_NAMES


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Parts of the lists of huggingface/huggingface.js (packages/tasks/src/pipelines.ts) and of the Hub's card editor.
CARD_LISTS: Mapping[str, frozenset[str]] = {
    "license": HUB_NAMES,
    "language": _set("en zh fr de es it pt nl pl ru ja ko code"),
    "task_categories": _set(
        "text-classification token-classification table-question-answering question-answering zero-shot-classification "
        "translation summarization feature-extraction text-generation fill-mask sentence-similarity text-ranking "
        "text-retrieval multiple-choice other"
    ),
    "size_categories": _set(
        "n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B 10B<n<100B 100B<n<1T n>1T"
    ),
}
_NOT_IN_A_NAME = set("<>:/\\|?*")  # of a configuration, as `datasets` checks it


def card_faults(data: Mapping[str, Any]) -> list[str]:
    """What the Hub would refuse or warn of in the header of a data set's card."""
    return list(_card_faults(data))


def _card_faults(data: Mapping[str, Any]) -> Iterator[str]:
    for key, known in CARD_LISTS.items():
        values = data.get(key, [])
        for value in [values] if isinstance(values, str) else values:
            if value not in known:
                yield f'"{key}" must be one of the known values, not {value!r}'
    if data.get("license") == "other" and not data.get("license_name"):
        yield '"license_name" is required where "license" is "other"'
    for config in data.get("configs", []):
        name = config.get("config_name")
        if not isinstance(name, str) or not name or _NOT_IN_A_NAME & set(name):
            yield f'"configs" has a bad "config_name": {name!r}'
        if not config.get("data_files"):
            yield f'the configuration {name!r} has no "data_files"'


def trl_faults(row: Mapping[str, Any]) -> list[str]:
    """What breaks the rules of TRL's dataset formats (docs/source/dataset_formats.md) for supervised fine-tuning."""
    if row.keys() == {"messages"}:
        return _turn_faults(row["messages"], ["user", "assistant"])
    if row.keys() != {"prompt", "completion"}:
        return [f"neither messages nor prompt and completion: {sorted(row)}"]
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        return [] if prompt and completion else ["an empty prompt or completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        return _turn_faults([*prompt, *completion], ["user", "assistant"])
    return ["prompt and completion are of different formats"]


def _turn_faults(turns: Sequence[Any], roles: Sequence[str]) -> list[str]:
    faults = [f"not a message: {turn!r}" for turn in turns if set(turn) != {"role", "content"} or not turn["content"]]
    return faults or ([] if [turn["role"] for turn in turns] == list(roles) else [f"roles of {turns!r}"])


_DEFAULT_TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
_DEFAULT_TAGS |= {"observation_tag": "observation", "function_tag": "function_call", "system_tag": "system"}


def llama_factory_rows(
    info: Mapping[str, Any], folder: Path, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Prompt and answer of each row as LLaMA-Factory's rules read them (data/README.md of its repository).

    `info` is the entry of `dataset_info.json`, `folder` the folder of that file.

    Raises:
        AssertionError: a rule is broken.
    """
    assert info.keys() <= {"file_name", "formatting", "columns", "tags"}
    assert (folder / info["file_name"]).is_file()
    columns = info.get("columns", {})
    if info.get("formatting", "alpaca") == "alpaca":
        names = {"prompt": "instruction", "query": "input", "response": "output"} | columns
        assert set(names) == {"prompt", "query", "response"}
        return [
            ("\n".join(filter(None, (row[names["prompt"]], row[names["query"]]))), row[names["response"]])
            for row in rows
        ]
    assert info["formatting"] == "sharegpt"
    tags = info.get("tags", _DEFAULT_TAGS)
    assert tags.keys() <= _DEFAULT_TAGS.keys()
    found = []
    for row in rows:
        turns = row[columns.get("messages", "conversations")]
        assert len(turns) % 2 == 0, "an answer is missing"
        assert [turn[tags["role_tag"]] for turn in turns] == [tags["user_tag"], tags["assistant_tag"]] * (
            len(turns) // 2
        )
        question, answer = (turn[tags["content_tag"]] for turn in turns)
        found.append((question, answer))
    return found
