from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.dataset.filling import how_to_fill
from coma_cli.dataset.summary import SubsetCounts

COMIT = MIXTURES["comit"]


def said(subsets, read=(), all_splits=False):
    return list(how_to_fill(subsets, COMIT, read, all_splits))


def test_a_sub_dataset_that_is_whole_needs_no_words():
    assert said({"codealpaca": SubsetCounts(task="code-generation", train=9, wanted=9)}) == []
    assert said({"codealpaca": SubsetCounts(task="code-generation", train=2)}) == []


def test_what_is_short_is_named_with_the_options_that_fill_it():
    subsets = {
        "codegpt": SubsetCounts(task="code-generation", train=7, wanted=9),
        "code-search-en": SubsetCounts(task="code-search", wanted=4),
        "line-completion": SubsetCounts(task="line-completion", train=1, wanted=4),
    }
    gpt, search, lines = said(subsets, read=("codesearchnet", "codexglue_code_to_text"))
    assert gpt == "codegpt is 2 short of 9 rows: `--sources hub` fetches codegpt."
    unlicensed = "`--source codepro=hub` fetches a source that states no licence"
    assert f"`--sources hub` fetches staqc, conala; {unlicensed}." in search
    assert lines.endswith("3 short of 4 rows: `--source-splits any` reads further splits.")
    (_, _, lines) = said(subsets, read=("codesearchnet", "codexglue_code_to_text"), all_splits=True)
    assert lines.endswith("the sources of its table have no more.")


def test_requested_rows_name_both_commands():
    (line,) = said({"code-search-cn": SubsetCounts(task="code-search", wanted=4, requested=4)})
    assert "4 rows" in line and "gen-instructions --pending RUN" in line and "--with-generated RUN" in line


def test_rows_that_nobody_published_are_written_here():
    subsets = {"generated": SubsetCounts(task="code-generation", wanted=4)}
    (line,) = how_to_fill(subsets, MIXTURES["codecapybara"], (), False)
    ways = "`coma gen-instructions` writes such rows, and `--with-generated RUN` takes them in"
    assert line == f"generated is 4 short of 4 rows: {ways}."
