import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, SAMPLED
from coma_cli.catalog.benchmarks.own_names import is_own_name, own_name, row_files, with_own_file
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.evaluation.scoring.settings import ScoreSettings
from tests.support.files import write_lines

ROW = {"task_id": "a/1", "prompt": "Write f.", "tests": "assert f(1) == 1"}


@pytest.fixture
def mine(tmp_path):
    return write_lines(tmp_path / "mine.jsonl", [ROW])


def beside(folder):
    """The same file elsewhere."""
    (folder / "else").mkdir()
    return write_lines(folder / "else" / "mine.jsonl", [ROW])


def test_the_name_is_the_files_stem_and_hash(mine, tmp_path):
    name = own_name(mine)
    assert name.startswith("mine-") and len(name) == len("mine-") + 8 and is_own_name(name)
    assert own_name(beside(tmp_path)) == name
    assert own_name(write_lines(tmp_path / "mine.jsonl", [{**ROW, "prompt": "Write g."}])) != name


@pytest.mark.parametrize("stem", ["humaneval", "mbpp", "validation", "a b ü", "...", "x.jsonl"])
def test_no_file_gets_a_published_name(tmp_path, stem):
    name = own_name(write_lines(tmp_path / f"{stem}.jsonl", [ROW]))
    assert is_own_name(name) and name not in BENCHMARKS and "/" not in name and " " not in name


def test_no_name_of_the_catalogue_is_taken_for_an_own_one():
    assert not any(map(is_own_name, SAMPLED))
    assert is_own_name(3) is False
    with pytest.raises(KeyError):
        SAMPLED["human-eval"]
    assert SAMPLED.get("human-eval") is None and "human-eval" not in SAMPLED


def test_a_folder_stands_for_its_files_of_rows(tmp_path, mine):
    write_lines(tmp_path / "b.json", [])
    (tmp_path / "notes.md").write_text("no rows")
    (tmp_path / ".hidden.jsonl").write_text("{}")
    assert row_files(tmp_path) == [tmp_path / "b.json", mine]
    assert is_own_name(own_name(tmp_path))


@pytest.mark.parametrize("settings", [SampleSettings, ScoreSettings])
def test_a_path_given_as_benchmark_is_its_data(settings, mine, monkeypatch):
    made = settings(bench=str(mine))
    assert (made.bench, made.bench_data) == (own_name(mine), mine)
    assert settings(bench=made.bench, bench_data=mine).bench == made.bench
    monkeypatch.chdir(mine.parent)
    assert settings(bench="mine.jsonl").bench == made.bench


def test_where_the_file_lies_does_not_count(mine, tmp_path):
    elsewhere = beside(tmp_path)
    assert SampleSettings(bench=str(mine)).identity() == SampleSettings(bench=str(elsewhere)).identity()


def test_a_published_name_stays_one_beside_a_folder_of_that_name(tmp_path, monkeypatch):
    (tmp_path / "mbpp").mkdir()
    monkeypatch.chdir(tmp_path)
    made = ScoreSettings(bench="MBPP")
    assert (made.bench, made.bench_data) == ("mbpp", None)


def test_wrong_paths_are_named(tmp_path, mine):
    with pytest.raises(MissingInputError, match=r"There is no file or folder .*gone\.jsonl"):
        ScoreSettings(bench=str(tmp_path / "gone.jsonl"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingInputError, match="holds no file of rows"):
        SampleSettings(bench=str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="takes no other data"):
        ScoreSettings(bench=str(mine), bench_data=mine)


def test_settings_without_a_path_are_left_alone():
    assert with_own_file({"bench": "humaneval"}, SAMPLED) == {"bench": "humaneval"}
    assert with_own_file({}, SAMPLED) == {}
