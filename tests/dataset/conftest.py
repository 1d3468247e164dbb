"""A repository of code and a folder of sources to build from."""

import json

import pytest

from tests.dataset.builds import NOUNS, VERBS, function


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    for v, verb in enumerate(VERBS):
        text = "\n\n".join(function(verb, noun, v * 10 + n) for n, noun in enumerate(NOUNS))
        (folder / f"{verb}.py").write_text(text)
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004")
    return folder


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    rows = [
        {"instruction": f"Name the {n} largest {what} of the world.", "input": "", "output": f"{what} {n}, and others"}
        for n in range(2, 12)
        for what in ("rivers", "towns", "lakes", "islands")
    ]
    (folder / "codealpaca").mkdir(parents=True)
    (folder / "codealpaca" / "code_alpaca_20k.json").write_text(json.dumps(rows))
    (folder / "mbpp").mkdir()
    mbpp = [
        {
            "text": f"Write a function to compute the {word} of a shelf of {task_id} books standing in a row.",
            "code": f"def {word}_{task_id}(books):\r\n    return books.{word}({task_id})",
            "task_id": task_id,
            "test_setup_code": "",
            "test_list": [f"assert {word}_{task_id}(shelf) == {task_id}"] * 3,
            "challenge_test_list": [],
        }
        for task_id, word in [(11, "weight"), (12, "length"), (601, "weight"), (602, "colour"), (603, "smell")]
    ]
    (folder / "mbpp" / "mbpp.jsonl").write_text("\n".join(map(json.dumps, mbpp)))
    (folder / "elsewhere").mkdir()
    return folder
