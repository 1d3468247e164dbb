"""Small data in the layouts in which every source of the catalogue is published, for the server in `tests.hub_server`.

All rows are made here. Each sub-dataset of CoMIT gets enough of them that some pass the cleaning.
"""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.fetching.locations import GitHubFiles, HubForm
from tests.hub_server import COMMIT, DataServer, HubRepository
from tests.requirements import package

NOUNS = ("invoice", "vehicle", "customer", "ticket", "reservation", "account", "parcel", "student", "recipe", "sensor")
VERBS = ("load", "count", "rename", "filter", "merge", "archive", "validate", "export", "group", "rank")
PLACES = ("the local database", "a remote server", "the given folder", "an open session", "the current workspace")
LANGUAGES = ("go", "java", "javascript", "php", "python", "ruby")
CODE = {
    "go": "func {name}({a} int, limit int) int {{\n\ttotal := {n}\n\tfor i := 0; i < limit; i++ {{\n"
    "\t\ttotal += {a} * i\n\t}}\n\treturn total\n}}",
    "java": "public int {name}(int {a}, int limit) {{\n    int total = {n};\n    for (int i = 0; i < limit; i++) {{\n"
    "        total += {a} * i;\n    }}\n    return total;\n}}",
    "javascript": "function {name}({a}, limit) {{\n  let total = {n};\n  for (let i = 0; i < limit; i++) {{\n"
    "    total += {a} * i;\n  }}\n  return total;\n}}",
    "php": "function {name}(${a}, $limit)\n{{\n    $total = {n};\n    for ($i = 0; $i < $limit; $i++) {{\n"
    "        $total += ${a} * $i;\n    }}\n    return $total;\n}}",
    "python": "def {name}({a}, limit):\n    total = {n}\n    for step in range(limit):\n        total += {a} * step\n"
    "    return total",
    "ruby": "def {name}({a}, limit)\n  total = {n}\n  limit.times do |step|\n    total += {a} * step\n  end\n"
    "  total\nend",
}


def cases(count: int) -> Iterator[tuple[int, str, str, str, str]]:
    """Number, verb, noun, the name of a function and a sentence on it."""
    for number in range(count):
        verb, noun = VERBS[number % 10], NOUNS[(number // 10 + number) % 10]
        place = PLACES[number % 5]
        yield number, verb, noun, f"{verb}_{noun}_{number}", f"{verb.title()}s every {noun} that is kept in {place}."


def functions(language: str, count: int = 12) -> list[dict[str, Any]]:
    """Rows with the columns of CodeSearchNet's own files."""
    rows = []
    for number, _, noun, name, text in cases(count):
        code = CODE[language].format(name=name, a=noun, n=number)
        url = f"https://github.com/o/{language}/blob/abc/{name}.x#L1-L9"
        row = {"repo": f"o/{language}", "path": f"{name}.x", "func_name": name, "original_string": code}
        row |= {"language": language, "code": code, "code_tokens": code.split(), "docstring": text}
        row |= {"docstring_tokens": text.split(), "sha": "abc", "url": url, "partition": "train"}
        rows.append(row)
    return rows


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """A Parquet file of these rows."""
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), target)
    return target.getvalue()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip archive with these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return target.getvalue()


def lines(rows: list[dict[str, Any]]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def searchnet_archive(language: str) -> bytes:
    """One language of CodeSearchNet as upstream packs it, with the licences of its repositories."""
    folder = f"{language}/final/jsonl"
    licences = {f"o/{language}": [(f"o/{language}/LICENSE", "MIT License\n\nPermission is hereby granted, ...")]}
    files = {
        f"{folder}/{split}/{language}_{split}_0.jsonl.gz": gzip.compress(lines(functions(language)[start:end]))
        for split, start, end in (("train", 0, 10), ("valid", 10, 11), ("test", 11, 12))
    }
    return archive({**files, f"{language}_licenses.pkl": pickle.dumps(licences, protocol=2)})


def clone_pairs() -> list[dict[str, Any]]:
    """Pairs of Java functions."""
    made = [CODE["java"].format(name=name, a=noun, n=number) for number, _, noun, name, _ in cases(24)]
    pairs = zip(made[::2], made[1::2], strict=True)
    return [
        {"id": n, "id1": 2 * n, "id2": 2 * n + 1, "func1": one, "func2": two, "label": n % 2 == 0}
        for n, (one, two) in enumerate(pairs)
    ]


def c_functions() -> list[dict[str, Any]]:
    """C functions with a label; each has operators of its own, since names and numbers alone tell none apart."""

    def steps(number: int, noun: str) -> str:
        return "".join(f"        total {'+-'[number >> place & 1]}= {noun};\n" for place in range(4))

    return [
        {
            "id": number,
            "func": f"static int {name}(int {noun}, int limit)\n{{\n    int total = {number};\n"
            f"    while (limit-- > 0) {{\n{steps(number, noun)}    }}\n    return total;\n}}",
            "target": number % 2 == 0,
            "project": "qemu",
            "commit_id": "a" * 40,
        }
        for number, _, noun, name, _ in cases(12)
    ]


def repairs(size: str) -> list[dict[str, Any]]:
    """Tokenized pairs of a wrong function and the right one."""
    return [
        {
            "id": number,
            "buggy": f"public int METHOD_1 ( TYPE_{number} VAR_{number} ) {{ return VAR_{number} . {size} ( ) ; }} ",
            "fixed": f"public int METHOD_1 ( TYPE_{number} VAR_{number} ) {{ if ( VAR_{number} == null ) return 0 ; "
            f"return VAR_{number} . {size} ( ) ; }} ",
        }
        for number in range(10)
    ]


def translations() -> list[dict[str, Any]]:
    """The same function in two languages, on one line each."""
    return [
        {
            "id": number,
            "java": f"public int {verb}{noun.title()}(int limit) {{return {noun}s.{verb}(limit, {number});}}",
            "cs": f"public int {upper}{noun.title()}(int limit){{return {noun}s.{upper}(limit, {number});}}",
        }
        for number, verb, noun, _, _ in cases(12)
        for upper in [verb.title()]
    ]


def chinese_questions() -> bytes:
    """CodeGPT's archive, with one member whose name is GBK without a flag."""
    whole = {"system": "x", "source": "CodeGPT", "language": "Chinese", "command": "", "plugin": "", "thought": ""}
    subjects = ("发票", "车辆", "客户", "门票", "预订", "账户", "包裹", "学生", "食谱", "传感器")
    rows = [
        {
            **whole,
            "user": f"请编写一个Python函数，用来统计所有{subject}的总数并返回结果。",
            "assistant": f"```python\n{code}\n```",
        }
        for number, subject in enumerate(subjects)
        for code in [CODE["python"].format(name=f"count_{number}", a=f"item_{number}", n=number)]
    ]
    text = json.dumps(rows, ensure_ascii=False, indent=4).replace("\n", "\r\n").encode()
    return archive(
        {"CodeGPT/code-medium/Python.json": text, "CodeGPT/code-text/面试题.json".encode("gbk").decode("cp437"): text}
    )


def stack_overflow(kind: str, language: str) -> list[dict[str, Any]]:
    """Questions with a snippet each, as the Hub has StaQC."""
    code = "SELECT {a} FROM {a}s WHERE id = {n}" if language == "sql" else "[{a}.{verb}() for {a} in items[{n}:]]"
    return [
        {
            "id": number,
            "question_id": hash_of(kind, language, number),
            "question": f"How to {verb} each {noun} of {place} in {language}",
            "snippet": code.format(a=noun, n=number, verb=verb),
        }
        for (number, verb, noun, _, _), place in zip(cases(10), PLACES * 2, strict=True)
    ]


def hash_of(kind: str, language: str, number: int) -> int:
    """The number of a question, different for each set."""
    return 1000 * (1 + ("man", "mca", "sca").index(kind)) + 500 * (language == "sql") + number


def staqc_archive(commit: str) -> bytes:
    """StaQC's repository as GitHub packs it: pickles of Python 2 below a folder of the commit's name."""
    folder = f"StackOverflow-Question-Code-Dataset-{commit}"
    name = "python_how_to_do_it_by_classifier_multiple"
    titles = {number: f"How to {verb} each {noun}" for number, verb, noun, _, _ in cases(10)}
    codes = {(number, 0): f"[{noun}.{verb}() for {noun} in all]" for number, verb, noun, _, _ in cases(10)}
    source = f"{folder}/annotation_tool/data/code_solution_labeled_data/source/{name}"
    return archive(
        {
            f"{source}_qid_to_title.pickle": pickle.dumps(titles, protocol=0),
            f"{source}_iid_to_code.pickle": pickle.dumps(codes, protocol=0),
            f"{folder}/final_collection/python_multi_code_iids.txt": "".join(f"{iid}\n" for iid in codes).encode(),
        }
    )


def labelled_blocks() -> bytes:
    """CodePro's labelled snippets: one Python literal."""
    return repr(
        [
            ((number, index), [["a"], ["b"]], [[f" {noun}.{verb}({index})"]], [f"how to {verb} a {noun}"], 2, 1 - index)
            for number, verb, noun, _, _ in cases(10)
            for index in range(2)
        ]
    ).encode()


def intents() -> bytes:
    """CoNaLa's curated rows, as its repository on the Hub has them."""
    return lines(
        [
            {
                "question_id": 9000 + number,
                "intent": f"how to {verb} a {noun}",
                "rewritten_intent": f"{verb} the {noun} `item` of {place}",
                "snippet": f"item.{verb}({number})",
            }
            for (number, verb, noun, _, _), place in zip(cases(10), PLACES * 2, strict=True)
        ]
    )


def instructions() -> bytes:
    """CodeAlpaca's rows."""
    rows = [
        {"instruction": f"Write a Python function to {verb} one {noun}.", "input": "", "output": code}
        for number, verb, noun, name, _ in cases(10)
        for code in [CODE["python"].format(name=f"alpaca_{name}", a=noun, n=number + 100)]
    ]
    return json.dumps(rows, indent=6).encode()


def contests() -> list[dict[str, Any]]:
    """Problems of CodeContests."""
    return [
        {
            "name": f"{number}_A. {noun.title()}s",
            "description": f"A shop wants to {verb} each {noun}. Print how many of the {number} there are in {place}.",
            "source": 2,
            "difficulty": 7,
            "solutions": {"language": [3], "solution": [f"print(int(input()) + {number})  # {verb} {noun}"]},
            "input_file": "",
            "output_file": "",
        }
        for (number, verb, noun, _, _), place in zip(cases(10), PLACES * 2, strict=True)
    ]


def mbpp(first: int) -> list[dict[str, Any]]:
    """Problems of MBPP from a task id on."""
    return [
        {
            "task_id": first + number,
            "text": f"Write a function to {verb} the {noun} with a factor.",
            "code": f"def {name}(x):\r\n\treturn x * {number} + {first}",
            "test_list": [f"assert {name}(2) == {2 * number + first}"],
            "test_setup_code": "",
            "challenge_test_list": [],
        }
        for number, verb, noun, name, _ in cases(4)
    ]


def cloze(language: str) -> list[dict[str, Any]]:
    """Tokenized functions with a mask; the answers were never published."""
    return [
        {"id": n, "idx": f"maxmin-{n}", "nl_tokens": ["Limit", language], "pl_tokens": ["<mask>", "(", "a", ")"]}
        for n in range(3)
    ]


def hub_files() -> dict[str, dict[str, bytes]]:
    """The files of every repository of the Hub that a source or a benchmark is fetched from."""
    glue, one = "google/code_x_glue_", "00000-of-00001.parquet"
    pair = {
        "python": [{"id": 0, "input": "<s> import os <EOL>", "gt": ""}],
        "java": [{"id": 0, "input": "<s> int", "gt": ""}],
    }
    return {
        "code-search-net/code_search_net": {
            "README.md": b"#",
            "code_search_net.py": b"raise SystemExit",
            **{f"data/{language}.zip": searchnet_archive(language) for language in LANGUAGES},
        },
        f"{glue}ct_code_to_text": {
            f"{language}/{split}-{one}": parquet([{"id": n, **row} for n, row in enumerate(functions(language, 12))])
            for language in LANGUAGES
            for split in ("train", "validation", "test")
        },
        f"{glue}cc_clone_detection_big_clone_bench": {f"data/train-{one}": parquet(clone_pairs())},
        f"{glue}cc_defect_detection": {f"data/train-{one}": parquet(c_functions())},
        f"{glue}cc_code_completion_line": {f"{name}/train-{one}": parquet(rows) for name, rows in pair.items()},
        f"{glue}cc_code_refinement": {f"{size}/train-{one}": parquet(repairs(size)) for size in ("small", "medium")},
        f"{glue}cc_code_to_code_trans": {f"data/train-{one}": parquet(translations())},
        f"{glue}cc_cloze_testing_maxmin": {f"{name}/train-{one}": parquet(cloze(name)) for name in LANGUAGES},
        f"{glue}cc_cloze_testing_all": {f"{name}/train-{one}": parquet(cloze(name)) for name in LANGUAGES},
        "sahil2801/CodeAlpaca-20k": {"README.md": b"#", "code_alpaca_20k.json": instructions()},
        "koutch/staqc": {
            f"{kind}_{language}/train/0000.parquet": parquet(stack_overflow(kind, language))
            for kind in ("man", "mca", "sca")
            for language in ("python", "sql")
        },
        "neulab/conala": {
            "conala.py": b"raise SystemExit",
            **{f"data/conala-paired-{split}.json": intents() for split in ("train", "test")},
        },
        "deepmind/code_contests": {f"data/train-0000{n}-of-00039.parquet": parquet(contests()) for n in range(5)},
        "google-research-datasets/mbpp": {
            f"full/train-{one}": parquet(mbpp(601)),
            f"full/test-{one}": parquet(mbpp(11)),
            f"sanitized/test-{one}": parquet([{**row, "prompt": row["text"], "test_imports": []} for row in mbpp(11)]),
        },
    }


def commit_of(source_revision: str) -> str:
    """The commit that a revision of the catalogue stands for here."""
    is_commit = all(sign in "0123456789abcdef" for sign in source_revision)
    return source_revision.ljust(40, "0") if is_commit else COMMIT


def publish_all(server: DataServer) -> None:
    """Put every location of the catalogue on the server, in its layout."""
    files = hub_files()
    for source in SOURCES.values():
        for location in source.locations:
            if isinstance(location, HubForm):
                content = files[location.repository]
                branches = ("main", "refs/convert/parquet")
                server.hub[location.repository] = HubRepository(content, commit_of(location.revision), branches)
    (gpt,) = SOURCES["codegpt"].locations
    assert isinstance(gpt, GitHubFiles)
    server.github[gpt.address(gpt.all_files[0])] = chinese_questions()


def without_checksums(source: Source) -> Source:
    """A source whose files on GitHub may have any content: those of upstream can't be among the fixtures."""
    return replace(
        source,
        locations=tuple(
            replace(place, files=tuple(replace(file, size=None, sha256="") for file in place.files))
            if isinstance(place, GitHubFiles)
            else place
            for place in source.locations
        ),
    )


def publish_fixtures(server: DataServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish everything, and lead this process to the server."""
    publish_all(server)
    for name in ("codegpt", "codepro"):
        monkeypatch.setitem(SOURCES, name, without_checksums(SOURCES[name]))
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
