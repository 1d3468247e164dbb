import pytest

from coma_cli.catalog.material import Repair
from coma_cli.catalog.sources.codexglue.code_refinement import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

HUB = {"id": "int32", "buggy": "string", "fixed": "string"}


def put_raw(folder, split="train", config="small"):
    put(folder / "data" / config / f"{split}.buggy-fixed.buggy", "int a ( ) { return 1 ; } \nsame \n\n")
    put(folder / "data" / config / f"{split}.buggy-fixed.fixed", "int a ( ) { return 2 ; } \nsame \nx \n")


def test_lines_of_one_configuration_and_split_are_pairs(tmp_path):
    put_raw(tmp_path)
    put_raw(tmp_path, "valid", "medium")
    found = read(SOURCE, tmp_path, "train")
    assert good(found) == [
        Repair(
            language="java",
            buggy="int a ( ) { return 1 ; }",
            fixed="int a ( ) { return 2 ; }",
            abstracted=True,
            licence="C-UDA-1.0",
            origin=Origin(path="data/small/train.buggy-fixed.buggy", row="1", split="train"),
        )
    ]
    assert dropped(found) == [("same-text", "2"), ("broken-row", "3")]
    assert [shard.split for shard in SOURCE.find(tmp_path)] == ["validation", "train"]


def test_a_buggy_file_is_never_paired_with_the_fixed_file_of_another_configuration(tmp_path):
    put(tmp_path / "small" / "train.buggy-fixed.buggy", "a\n")
    put(tmp_path / "medium" / "train.buggy-fixed.fixed", "b\n")
    for shard in SOURCE.find(tmp_path):
        with pytest.raises(BrokenSourceError, match="has no counterpart"):
            list(SOURCE.read(shard))


def test_the_hub_format_gives_the_same_pairs(tmp_path):
    put_raw(tmp_path / "raw")
    rows = [
        {"id": 0, "buggy": "int a ( ) { return 1 ; } \n", "fixed": "int a ( ) { return 2 ; } \n"},
        {"id": 1, "buggy": "same", "fixed": "same"},
        {"id": 2, "buggy": None, "fixed": "x"},
        {"id": 2, "buggy": "b", "fixed": "c"},
    ]
    put_parquet(tmp_path / "hub" / "small" / "train-00000-of-00001.parquet", rows, HUB)
    put_parquet(tmp_path / "hub" / "small" / "validation-00000-of-00001.parquet", rows, HUB)
    found = read(SOURCE, tmp_path / "hub", "train")
    assert [(m.buggy, m.fixed, m.abstracted) for m in good(found)] == [
        (m.buggy, m.fixed, m.abstracted) for m in good(read(SOURCE, tmp_path / "raw"))
    ]
    assert dropped(found) == [("same-text", "2"), ("broken-row", "3"), ("duplicate-id", "4")]


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    put_raw(tmp_path / "raw")
    archive = zipped(tmp_path / "raw", tmp_path / "zip" / "data.zip")
    for place in (archive, archive.parent):
        entries = read(SOURCE, place)
        assert [m.fixed for m in good(entries)] == ["int a ( ) { return 2 ; }"]
        assert entries[0].origin.path == "data.zip/data/small/train.buggy-fixed.buggy"


def test_columns_that_are_missing_are_named_with_those_found(tmp_path):
    path = put_parquet(tmp_path / "train.parquet", [{"id": 1, "before": "a"}], {"id": "int32", "before": "string"})
    with pytest.raises(BrokenSourceError, match="no row has the columns buggy, fixed; it has before, id"):
        read(SOURCE, path)


@pytest.mark.parametrize(
    ("buggy", "fixed", "is_kept"),
    [
        ("int f ( ) { return a . b ( c ) + 1 ; }", "int f ( ) { return null ; }", False),
        ("void f ( ) { go ( ) ; }", "void f ( ) { }", False),
        ("void f ( ) ;", "void f ( ) { }", False),
        ("private int f ( ) { return a ; }", "public int f ( ) { return a ; }", False),
        ("void f ( ) { if ( a ) { go ( ) ; } run ( ) ; }", "void f ( ) { go ( ) ; run ( ) ; }", True),
        ("void f ( ) { go ( a ) ; }", "void f ( ) { if ( a != null ) { go ( a ) ; } }", True),
    ],
)
def test_fixes_that_nothing_tells_are_dropped(tmp_path, buggy, fixed, is_kept):
    for side, code in (("buggy", buggy), ("fixed", fixed)):
        put(tmp_path / "data" / "small" / f"train.buggy-fixed.{side}", f"{code}\n")
    (found,) = read(SOURCE, tmp_path)
    assert isinstance(found, Repair) == is_kept
    assert is_kept or found.reason == "unknowable-fix"


def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "data/medium/test.buggy-fixed.buggy": (785, 15),
        "data/medium/valid.buggy-fixed.buggy": (1468, 32),
        "data/small/test.buggy-fixed.buggy": (1254, 246),
        "data/small/valid.buggy-fixed.buggy": (2095, 405),
    }
    by_place = {(m.origin.path, m.origin.row): m for m in read(SOURCE, place)}
    second = by_place["data/small/valid.buggy-fixed.buggy", "2"]
    assert second.buggy == (
        "public TYPE_1 < TYPE_2 > METHOD_1 ( TYPE_3 VAR_1 , java.lang.String VAR_2 ) { return METHOD_1 ( VAR_1 . "
        "toString ( ) , VAR_2 ) ; }"
    )
    assert second.fixed == (
        "public TYPE_1 < TYPE_2 > METHOD_1 ( TYPE_3 VAR_1 , java.lang.String VAR_2 , java.util.HashMap < "
        "java.lang.String , java.lang.String > parameters ) { return METHOD_1 ( VAR_1 . toString ( ) , VAR_2 , "
        "parameters ) ; }"
    )
    assert by_place["data/medium/valid.buggy-fixed.buggy", "1"].fixed.startswith(
        "private void METHOD_1 ( TYPE_1 VAR_1 ) { VAR_2 . info ( STRING_1 ) ; TYPE_2 out"
    )
    assert not any(m.buggy == m.fixed for m in by_place.values() if isinstance(m, Repair))
