import json

import pytest

from coma_cli.dataset import exports
from coma_cli.jsonl import read_rows
from coma_cli.prompting import ALPACA, prompt_text
from coma_cli.records import Example, Origin
from tests.dataset.rows import assemble, example, write_part
from tests.requirements import package
from tests.support.reader_rules import llama_factory_rows, trl_faults

ROW = example(1, input="数 \u2028", output='"x"\n', origin=Origin(path="\ud800.py"))


def test_forms():
    asked = f"{ROW.instruction}\n\n{ROW.input}"
    assert exports.alpaca(ROW) == {"instruction": ROW.instruction, "input": ROW.input, "output": ROW.output}
    assert exports.sharegpt(ROW)["conversations"] == [
        {"from": "human", "value": asked},
        {"from": "gpt", "value": ROW.output},
    ]
    assert exports.messages(ROW) == {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": ROW.output}]
    }
    assert exports.question(example(1)) == "Write number 1."
    assert exports.prompt_completion(ROW) == {
        "prompt": prompt_text(ALPACA, ROW.instruction, ROW.input),
        "completion": ROW.output,
    }
    assert exports.prompt_completion(ROW)["prompt"].endswith(f"\n\n### Input:\n{ROW.input}\n\n### Response:")
    assert exports.prompt_completion(example(1))["prompt"].endswith(
        "\n\n### Instruction:\nWrite number 1.\n\n### Response:"
    )
    assert exports.prompt_completion_chat(ROW) == {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": ROW.output}],
    }


@pytest.mark.parametrize("form", ["messages", "prompt-completion", "prompt-completion-chat"])
def test_what_trl_reads_keeps_its_rules(form):
    make = exports.ROW_FORMS[form]
    assert [trl_faults(make(row)) for row in (ROW, example(1))] == [[], []]
    broken = [{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}, {"prompt": "a", "completion": ""}]
    broken += [{"messages": [{"role": "gpt", "content": "b"}]}, {"prompt": "a", "output": "b"}]
    assert all(map(trl_faults, broken))


def test_llama_factory_finds_each_export_that_it_reads(tmp_path):
    rows = [ROW, *(example(n, instruction=f"Write {chr(97 + n)}.") for n in range(2, 26))]
    part = write_part(tmp_path / "a.part", rows, share=0.3)
    written = assemble(tmp_path, part, exports=("alpaca", "messages", "prompt-completion", "sharegpt")).written
    assert written[-1] == exports.LLAMA_FACTORY_INFO
    folder = tmp_path / "exports"
    info = json.loads((folder / "dataset_info.json").read_text())
    assert sorted(info) == [
        f"coma_{form}{end}" for form in ("alpaca", "messages", "sharegpt") for end in ("", "_validation")
    ]
    for name, entry in info.items():
        side = "validation" if name.endswith("_validation") else "train"
        expected = [Example.from_row(row, "") for row in read_rows(tmp_path / f"{side}.jsonl")]
        path = folder / entry["file_name"]
        there = list(read_rows(path)) if path.suffix == ".jsonl" else json.loads(path.read_bytes())
        breaks = "\n" if "alpaca" in name else "\n\n"
        assert llama_factory_rows(entry, folder, there) == [
            (breaks.join(filter(None, (row.instruction, row.input))), row.output) for row in expected
        ]


def test_llama_factory_is_told_nothing_of_sides_without_rows_and_other_forms(tmp_path):
    part = write_part(tmp_path / "a.part", [example(1), example(2)])
    assert exports.LLAMA_FACTORY_INFO not in assemble(tmp_path, part, exports=("parquet",)).written
    assemble(tmp_path, part, exports=("alpaca",))
    assert list(json.loads((tmp_path / exports.LLAMA_FACTORY_INFO).read_text())) == ["coma_alpaca"]


def test_both_sides_are_written_in_every_form_asked_for(tmp_path):
    package("pyarrow")
    import pyarrow.parquet

    rows = [ROW, *(example(n, instruction=f"Write {chr(97 + n)}.") for n in range(2, 26))]
    part = write_part(tmp_path / "a.part", rows, share=0.3)
    names = assemble(tmp_path, part, exports=("alpaca", "messages", "parquet", "sharegpt")).written
    for side in ("train", "validation"):
        lines = [Example.from_row(row, "") for row in read_rows(tmp_path / f"{side}.jsonl")]
        folder = tmp_path / "exports"
        assert json.loads((folder / f"alpaca/{side}.json").read_bytes()) == [exports.alpaca(row) for row in lines]
        assert json.loads((folder / f"sharegpt/{side}.json").read_bytes()) == [exports.sharegpt(row) for row in lines]
        assert list(read_rows(folder / f"messages/{side}.jsonl")) == [exports.messages(row) for row in lines]
        table = pyarrow.parquet.read_table(folder / f"parquet/{side}.parquet").to_pylist()
        back = [Example.model_validate({**row, "origin": json.loads(row["origin"])}) for row in table]
        assert back == lines
        assert lines
        assert {f"exports/{form}/{side}.{end}" for form, end in (("messages", "jsonl"), ("parquet", "parquet"))} <= set(
            names
        )


def test_a_file_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), exports.ArrayFiles(tmp_path, ["a/b.json"]) as files:
        files.add("c.json", b"%d" % (1 // 0))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
