import gzip

import pytest

from coma_cli.catalog.material import Translation
from coma_cli.catalog.sources.codexglue.code_translation import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read
from tests.requirements import shared_data

JAVA, CSHARP, BACK = "int b() {}", "int B(){}", "int a() {return 1;}"


def test_a_pair_is_used_in_one_direction_that_depends_on_its_text(tmp_path):
    put(tmp_path / "train.java-cs.txt.java", f"{JAVA}\n{BACK}\n{JAVA}\n")
    put(tmp_path / "train.java-cs.txt.cs.gz", gzip.compress(f"{CSHARP}\r\nint A(){{}}\r\nint C() {{}}\n".encode()))

    def at(row):
        return Origin(path="train.java-cs.txt.java", row=row, split="train")

    assert read(SOURCE, tmp_path) == [
        Translation("java", JAVA, "csharp", CSHARP, False, licence="C-UDA-1.0", origin=at("1")),
        Translation("csharp", "int A(){}", "java", BACK, False, licence="C-UDA-1.0", origin=at("2")),
        Translation("java", JAVA, "csharp", "int C() {}", False, licence="C-UDA-1.0", origin=at("3")),
    ]


def test_separators_inside_of_a_line_do_not_shift_the_pairs(tmp_path):
    put(tmp_path / "test.java-cs.txt.java", "one\u2028x\ntwo\x0cy\nthree\x85\n")
    put(tmp_path / "test.java-cs.txt.cs", "eins\nzwei\ndrei\n")
    assert [{m.code, m.target_code} for m in read(SOURCE, tmp_path)] == [
        {"one\u2028x", "eins"},
        {"two\x0cy", "zwei"},
        {"three\x85", "drei"},
    ]


def test_unequal_numbers_of_lines_break_the_source(tmp_path):
    put(tmp_path / "train.java-cs.txt.java", "a\nb\n")
    put(tmp_path / "train.java-cs.txt.cs", "a\n")
    with pytest.raises(BrokenSourceError, match=r"java has 2 lines, .*cs has 1"):
        read(SOURCE, tmp_path)


def test_the_hub_format_gives_the_same_pairs(tmp_path):
    rows = [{"id": 0, "java": f"{JAVA}\n", "cs": f"{CSHARP}\n"}, {"id": 1, "java": "", "cs": "x"}]
    types = {"id": "int32", "java": "string", "cs": "string"}
    put_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", rows, types)
    found = read(SOURCE, tmp_path)
    assert [(m.code, m.target_code, m.origin.split) for m in good(found)] == [
        (JAVA, CSHARP, "train"),
    ]
    assert dropped(found) == [("broken-row", "2")]


def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "data/test.java-cs.txt.java": (600, 0),
        "data/train.java-cs.txt.java": (6000, 0),
        "data/valid.java-cs.txt.java": (300, 0),
    }
    found = read(SOURCE, place, "train")
    assert 2900 < sum(m.language == "java" for m in found) < 3100
    first = next(m for m in found if m.language == "java")
    assert first.code == (
        "public ListSpeechSynthesisTasksResult listSpeechSynthesisTasks(ListSpeechSynthesisTasksRequest request) "
        "{request = beforeClientExecution(request);return executeListSpeechSynthesisTasks(request);}"
    )
    assert first.target_code == (
        "public virtual ListSpeechSynthesisTasksResponse ListSpeechSynthesisTasks(ListSpeechSynthesisTasksRequest "
        "request){var options = new InvokeOptions();options.RequestMarshaller = "
        "ListSpeechSynthesisTasksRequestMarshaller.Instance;options.ResponseUnmarshaller = "
        "ListSpeechSynthesisTasksResponseUnmarshaller.Instance;return Invoke<ListSpeechSynthesisTasksResponse>"
        "(request, options);}"
    )
