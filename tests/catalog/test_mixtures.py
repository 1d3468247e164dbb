import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.mixtures import MIXTURES, comit
from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.sources.stackoverflow import stackexchange
from coma_cli.catalog.tasks import TASKS
from coma_cli.instructions import code_functions
from coma_cli.languages import LANGUAGES

COMIT = MIXTURES["comit"]


def test_comit_has_the_counts_of_the_paper():
    assert [(s.name, s.rows, s.text_language) for s in COMIT.subsets] == [
        ("code-summarization-en", 10_000, "en"),
        ("code-summarization-cn", 10_000, "cn"),
        ("code-generation-en", 10_000, "en"),
        ("codealpaca", 20_000, "en"),
        ("codegpt", 20_000, "cn"),
        ("code-generation-cn", 5_000, "cn"),
        ("code-search-en", 10_000, "en"),
        ("code-search-cn", 5_000, "cn"),
        ("clone-detection", 10_000, "en"),
        ("defect-detection", 5_000, "en"),
        ("line-completion", 5_000, "en"),
        ("code-repair", 5_000, "en"),
        ("code-translation", 5_000, "en"),
    ]
    assert sum(s.rows for s in COMIT.subsets) == 120_000
    assert {s.name for s in COMIT.subsets if s.requested} == {
        "code-summarization-cn",
        "code-generation-cn",
        "code-search-cn",
    }


def test_the_older_table_has_a_cloze_test_and_no_codealpaca():
    new, old = ({s.name for s in m.subsets} for m in (COMIT, comit.OLDER))
    assert (new - old, old - new) == ({"codealpaca", "line-completion"}, {"cloze-test"})


def test_codecapybara_has_the_counts_of_its_readme():
    mixture = MIXTURES["codecapybara"]
    assert [s.rows for s in mixture.subsets] == [20_574, 20_022, 51_766]
    assert mixture.subset_of("competition", "code_contests", "en").name == "code-contests"


@pytest.mark.parametrize(
    ("task", "source", "language", "name"),
    [
        ("code-generation", "codealpaca", "en", "codealpaca"),
        ("code-generation", "codesearchnet", "en", "code-generation-en"),
        ("code-generation", "codesearchnet", "cn", "code-generation-cn"),
        ("code-summarization", "codexglue_code_to_text", "en", "code-summarization-en"),
        ("code-search", "staqc", "en", "code-search-en"),
    ],
)
def test_rows_find_their_sub_dataset(task, source, language, name):
    assert COMIT.subset_of(task, source, language).name == name


@pytest.mark.parametrize("kind", [("code-generation", "repo:mine", "en"), ("code-generation", "codealpaca", "cn")])
def test_other_rows_have_none(kind):
    assert COMIT.subset_of(*kind) is None


@pytest.mark.parametrize("mixture", MIXTURES.values(), ids=lambda m: m.name)
def test_no_row_belongs_to_two_sub_datasets(mixture):
    kinds = [(s.task, source, s.text_language) for s in mixture.subsets for source in s.sources]
    assert len(kinds) == len(set(kinds))
    assert len({s.name for s in mixture.subsets}) == len(mixture.subsets)


# Names of rows that come in by an option of their own: a dump, and what gen-instructions wrote.
GIVEN = {"stackexchange": stackexchange.SOURCE.tasks, code_functions.SOURCE: tuple(TASKS)}


@pytest.mark.parametrize("mixture", MIXTURES.values(), ids=lambda m: m.name)
def test_a_table_names_existing_tasks_sources_and_languages_that_match(mixture):
    for subset in mixture.subsets:
        assert subset.task in TASKS
        assert TASKS[subset.task].counterpart is not None or not subset.requested
        assert set(subset.languages) <= set(LANGUAGES)
        for name in subset.sources:
            feeds = SOURCES[name].tasks if name in SOURCES else GIVEN[name]
            assert subset.task in feeds, (subset.name, name)


@given(st.integers(1, 500_000), st.sampled_from(sorted(MIXTURES)))
def test_a_number_of_rows_is_divided_completely_and_proportionally(size, name):
    mixture = MIXTURES[name]
    targets = mixture.targets(size)
    total = sum(s.rows for s in mixture.subsets)
    assert sum(targets.values()) == size
    assert all(abs(targets[s.name] - s.rows * size / total) < 1 for s in mixture.subsets)
    assert mixture.targets("paper") == {s.name: s.rows for s in mixture.subsets}
