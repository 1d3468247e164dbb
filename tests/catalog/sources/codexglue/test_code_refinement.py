import pytest

from coma_cli.catalog.material import Repair
from coma_cli.catalog.sources.codexglue.code_refinement import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

BUGGY = "int a ( T b ) { return b . c ( ) ; }"
FIXED = "int a ( T b ) { if ( b == null ) { return 0 ; } return b . c ( ) ; }"
HUB = {"id": "int32", "buggy": "string", "fixed": "string"}


def put_raw(folder, split="train", config="small"):
    put(folder / "data" / config / f"{split}.buggy-fixed.buggy", f"{BUGGY} \nsame \n\n")
    put(folder / "data" / config / f"{split}.buggy-fixed.fixed", f"{FIXED} \nsame \nx \n")


def test_lines_of_one_configuration_and_split_are_pairs(tmp_path):
    put_raw(tmp_path)
    put_raw(tmp_path, "valid", "medium")
    found = read(SOURCE, tmp_path, "train")
    assert good(found) == [
        Repair(
            language="java",
            buggy=BUGGY,
            fixed=FIXED,
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
        {"id": 0, "buggy": f"{BUGGY} \n", "fixed": f"{FIXED} \n"},
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
        assert [m.fixed for m in good(entries)] == [FIXED]
        assert entries[0].origin.path == "data.zip/data/small/train.buggy-fixed.buggy"


def test_columns_that_are_missing_are_named_with_those_found(tmp_path):
    path = put_parquet(tmp_path / "train.parquet", [{"id": 1, "before": "a"}], {"id": "int32", "before": "string"})
    with pytest.raises(BrokenSourceError, match="no row has the columns buggy, fixed; it has before, id"):
        read(SOURCE, path)


@pytest.mark.parametrize(
    ("buggy", "fixed", "reason"),
    [
        ("int f ( ) { return a . b ( c ) + 1 ; }", "int f ( ) { return null ; }", "unknowable-fix"),
        ("void f ( ) { go ( ) ; }", "void f ( ) { }", "unknowable-fix"),
        ("private int f ( ) { return a ; }", "public int f ( ) { return a ; }", "unknowable-fix"),
        ("void f ( ) { METHOD_1 ( ) ; }", "void f ( ) { METHOD_2 ( ) ; }", "unknowable-fix"),
        ("void f ( ) { go ( VAR_1 class ) ; }", "void f ( ) { go ( ) ; }", "does-not-parse"),
        ("void f ( T a ) { a . go ( ) ; }", "void f ( T a ) { if ( a != null ) { a . go ( ) ; } }", ""),
    ],
)
def test_only_fixes_that_the_function_tells_are_kept(tmp_path, buggy, fixed, reason):
    for side, code in (("buggy", buggy), ("fixed", fixed)):
        put(tmp_path / "data" / "small" / f"train.buggy-fixed.{side}", f"{code}\n")
    (found,) = read(SOURCE, tmp_path)
    assert ("" if isinstance(found, Repair) else found.reason) == reason


@pytest.mark.slow
def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "data/medium/test.buggy-fixed.buggy": (23, 777),
        "data/medium/valid.buggy-fixed.buggy": (46, 1454),
        "data/small/test.buggy-fixed.buggy": (50, 1450),
        "data/small/valid.buggy-fixed.buggy": (74, 2426),
    }
    by_place = {(m.origin.path, m.origin.row): m for m in read(SOURCE, place)}
    logged = by_place["data/small/valid.buggy-fixed.buggy", "200"]
    assert logged.buggy == (
        "public void METHOD_1 ( java.lang.Throwable VAR_1 ) { if ( VAR_1 == null ) { TYPE_1 . METHOD_2 ( VAR_2 , "
        "VAR_1 . toString ( ) ) ; } }"
    )
    assert logged.fixed == logged.buggy.replace("==", "!=")
    renamed = by_place["data/small/valid.buggy-fixed.buggy", "2"]
    assert renamed.reason == "unknowable-fix"  # a parameter more, which only its callers know
    assert not any(m.buggy == m.fixed for m in by_place.values() if isinstance(m, Repair))
