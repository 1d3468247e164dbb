import json

import pytest

from coma_cli.dataset import exports
from coma_cli.jsonl import read_rows
from coma_cli.records import Example, Origin
from tests.dataset.rows import assemble, example, write_part
from tests.requirements import package

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
