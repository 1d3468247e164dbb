import json
import re
import subprocess
import sys

import pytest
import yaml

from coma_cli.dataset import exports
from coma_cli.dataset.card_header import features_of, header
from coma_cli.jsonl import read_rows
from coma_cli.records import Example, Origin
from tests.dataset.builds import build, codealpaca_source, rows_of
from tests.dataset.rows import assemble, example, write_part
from tests.requirements import package
from tests.support.reader_rules import CARD_LISTS, card_faults

VERBS = ("load", "store", "scale", "merge", "split", "trim", "turn", "lift")
NOUNS = ("picture", "table", "window", "signal", "record")
EXPORTS = ["alpaca", "messages", "parquet", "prompt-completion", "prompt-completion-chat", "sharegpt"]
BODY = ("instruction", "input", "output")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with rows of a sub-dataset and rows of none, of three tasks, with validation and every export."""
    root = tmp_path_factory.mktemp("card")
    sources = codealpaca_source(root / "sources")
    code = root / "code"
    code.mkdir()
    for verb in VERBS:
        functions = [
            f'def {verb}_{noun}(self, {noun}, factor={number}):\n    """{verb.capitalize()} a {noun} and count it."""\n'
            f"    count = self.{verb}(len({noun}), factor)\n    for part in {noun}.parts:\n"
            f"        count += self.{verb}_part(part, {noun})\n    return count * {number}\n"
            for number, noun in enumerate(NOUNS)
        ]
        (code / f"{verb}.py").write_text("\n\n".join(functions))
    (code / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004")
    return build(
        root / "workspace",
        sources=str(sources),
        from_repo=[str(code)],
        tasks=["code-generation", "code-summarization", "defect-detection"],
        export=EXPORTS,
        validation_share=0.3,
    )


def metadata(made):
    return yaml.safe_load((made.path / "README.md").read_text("utf-8").split("---\n")[1])


def test_the_card_is_valid_for_the_hubs_own_reader(made):
    package("huggingface_hub")
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(made.path / "README.md")
    data = card.data.to_dict()
    assert data == metadata(made)
    assert card_faults(data) == []
    assert {key: data[key] for key in data if key not in ("configs", "dataset_info", "license_details")} == {
        "pretty_name": "Code instructions (comit)",
        "license": "other",
        "license_name": "mixed",
        "language": ["en"],
        "task_categories": ["text-generation", "summarization", "text-classification"],
        "tags": ["code", "instruction-tuning", "code-generation", "code-summarization", "defect-detection", "python"],
        "size_categories": ["n<1K"],
    }
    counts = {name: count["train"] + count["validation"] for name, count in made.summary["licences"].items()}
    assert all(f"{name} ({count})" in data["license_details"] for name, count in counts.items())
    assert "&id" not in (made.path / "README.md").read_text("utf-8")
    assert card.text.startswith("# Data card")


def test_what_the_hub_refuses_is_found():
    good = {"license": "mit", "language": ["en"], "task_categories": ["text-generation"], "size_categories": ["n<1K"]}
    assert card_faults(good) == []
    for key, value in (
        ("license", "MIT License"),
        ("license", "other"),
        ("language", ["cn"]),
        ("task_categories", ["code-generation"]),
        ("size_categories", ["<1K"]),
        ("configs", [{"config_name": "a/b", "data_files": "x"}]),
        ("configs", [{"config_name": "a"}]),
    ):
        assert card_faults({**good, key: value}), (key, value)
    assert {"code-generation"}.isdisjoint(CARD_LISTS["task_categories"])


@pytest.mark.slow
def test_the_folder_loads_by_the_names_of_its_parts(made, tmp_path):
    """By `datasets` itself, in a process of its own: it keeps the card of a folder, and its caches, for a process."""
    package("datasets", "train")
    names = [config["config_name"] for config in metadata(made)["configs"]]
    assert names == [
        *(
            "default",
            "instructions",
            "code-summarization",
            "code-generation",
            "defect-detection",
            "comit-code-generation-en+codealpaca",
        ),
        *("alpaca", "sharegpt", "messages", "prompt-completion", "prompt-completion-chat"),
    ]
    loaded = load_all(made.path, names, tmp_path)
    rows = {side: rows_of(made, f"{side}.jsonl") for side in ("train", "validation")}
    assert all(len(rows[side]) > 5 for side in rows)
    assert loaded["default"] == rows
    assert loaded["instructions"] == {"train": [body(row) for row in rows["train"]]}
    for task in ("code-generation", "code-summarization", "defect-detection"):
        expected = {side: [body(row) for row in rows[side] if row["task"] == task] for side in rows}
        assert {side: ordered(found) for side, found in loaded[task].items()} == {
            side: ordered(found) for side, found in expected.items() if found
        }
    alpaca = {side: [body(row) for row in rows[side] if row["source"] == "codealpaca"] for side in rows}
    assert loaded["comit-code-generation-en+codealpaca"] == alpaca
    for form in ("alpaca", "sharegpt", "messages", "prompt-completion", "prompt-completion-chat"):
        make = exports.ROW_FORMS[form]
        assert loaded[form] == {
            side: [dict(make(Example.model_validate(row))) for row in rows[side]] for side in rows
        }, form
    parquet = load_all(
        "parquet", [json.dumps({side: f"{made.path}/exports/parquet/{side}.parquet" for side in rows})], tmp_path
    )
    for side, found in next(iter(parquet.values())).items():
        assert [{**row, "origin": json.loads(row["origin"])} for row in found] == [
            {"proof": "", **{key: value for key, value in row.items() if key != "schema_version"}} for row in rows[side]
        ]


def body(row):
    return {name: row[name] for name in BODY}


def ordered(rows):
    return sorted(rows, key=str)


LOAD = """
import json, sys
from datasets import load_dataset
folder, cache, *names = sys.argv[1:]
for name in names:
    if folder == "parquet":
        data = load_dataset(folder, data_files=json.loads(name), cache_dir=cache)
    else:  # chunks of 1000 bytes: the columns of later rows must not depend on what the first ones hold
        data = load_dataset(folder, name, cache_dir=cache, chunksize=1000)
    print(json.dumps({side: list(rows) for side, rows in data.items()}))
"""


def load_all(folder, names, tmp_path):
    """The rows of every named part, by side."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, folder, tmp_path / "cache", *names],
        capture_output=True,
        text=True,
        env={"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": ""},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))


def test_optional_fields_and_names_that_are_no_text_load_too(tmp_path):
    """`origin.lines` is set in the last row only, and that row's file name has a byte that is not UTF-8."""
    package("datasets", "train")
    odd = Origin(path="caf\udce9.py", row="f", lines=(3, 9), url="https://x/\ud800")
    rows = [*(example(n) for n in range(40)), example(99, origin=odd)]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows))
    full = example(0, origin=Origin(lines=(1, 1))).to_row()
    card = {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "train.jsonl"}]}],
        "dataset_info": [{"config_name": "default", "features": features_of(full)}],
    }
    (tmp_path / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")
    loaded = load_all(tmp_path, ["default"], tmp_path / "home")["default"]["train"]
    assert loaded == list(read_rows(tmp_path / "train.jsonl"))
    (origin,) = [row["origin"] for row in loaded if row["origin"]["lines"]]
    assert (origin["path"], origin["lines"], origin["url"]) == ("caf\\udce9.py", [3, 9], "https://x/\\ud800")


def test_a_side_without_rows_is_not_listed(tmp_path, made):
    from coma_cli.dataset.summary import BuildDataSummary

    summary = BuildDataSummary.model_validate({**made.summary, "rows": {"train": 3, "validation": 0}})
    files = [
        "train.jsonl",
        "validation.jsonl",
        "CoMIT.json",
        "exports/alpaca/train.json",
        "exports/alpaca/validation.json",
    ]
    configs = header(summary, files)["configs"]
    assert {config["config_name"]: [part["split"] for part in config["data_files"]] for config in configs} == {
        "default": ["train"],
        "instructions": ["train"],
        "alpaca": ["train"],
    }


@pytest.mark.parametrize(
    ("rows", "size"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "1M<n<10M"), (10**7, "10M<n<100M")],
)
def test_sizes_are_named_as_the_hub_names_them(made, rows, size):
    from coma_cli.dataset.summary import BuildDataSummary

    summary = BuildDataSummary.model_validate({**made.summary, "rows": {"train": rows, "validation": 0}})
    assert header(summary, [])["size_categories"] == [size]


def test_every_file_that_the_card_names_is_there(made):
    paths = [path for config in metadata(made)["configs"] for part in config["data_files"] for path in [part["path"]]]
    names = [name for path in paths for name in ([path] if isinstance(path, str) else path)]
    assert [name for name in names if not (made.path / name).is_file()] == []
    assert [name for name in names if name not in made.manifest["outputs"]] == []
    text = (made.path / "README.md").read_text("utf-8")
    assert all((made.path / name).is_file() for name in re.findall(r"!\[\w+\]\((\S+)\)", text))
