import re
from dataclasses import replace

from coma_cli.catalog.tasks import TASKS, clone_detection
from coma_cli.catalog.tasks.task import Surroundings
from coma_cli.corpus.examples import make_example
from coma_cli.dataset.row_index import NO_ANSWER, fixed_answer
from coma_cli.syntax.called_names import shared_calls
from tests.catalog.tasks.materials import PAIR, made


def test_golden_clone_detection():
    row = made("clone-detection", PAIR)
    assert row.to_row() == {
        "schema_version": 1,
        "id": "b7becf52e536500ea52e",
        "task": "clone-detection",
        "source": "test",
        "language": "java",
        "text_language": "en",
        "instruction": "Here are two Java functions. Does each of them implement the same functionality in its own "
        "way? Answer yes or no.",
        "input": "Function 1:\nint a() {}\n\nFunction 2:\nint b() {}",
        "output": "no",
        "licence": "C-UDA-1.0",
        "origin": {"path": "x.txt", "row": "1", "lines": None, "url": "", "split": "train", "detail": ""},
        "made_by": "build-data; weak-label",
    }
    clones = made("clone-detection", replace(PAIR, clones=True))
    assert (clones.output, clones.made_by) == ("yes", "build-data; weak-label")


def test_clones_are_not_said_to_be_interchangeable():
    """BigCloneBench's yes means the same functionality, no more."""
    tables = (clone_detection.WORDINGS, clone_detection.SEARCH_WORDINGS)
    equivalence = re.compile(r"equivalent|identical|behav|interchang|stand in for|等价|行为|替代|替换", re.IGNORECASE)
    for texts in (table[language] for table in tables for language in ("en", "cn")):
        assert not [wording for wording in texts if equivalence.search(wording)]


def copier(number):
    return f"void copy{number}(File a, File b) {{ in.open(a); out.open(b); in.transferTo(out); log.done({number}); }}"


def stranger(number):
    return f"int f{number}(Box x) {{ x.a{number}(); x.b{number}(); return x.c{number}(x.d{number}()); }}"


def test_some_pairs_of_clones_become_a_search_among_functions_that_do_something_else():
    clones = [replace(PAIR, first=copier(n), second=copier(n + 40), clones=True) for n in range(40)]
    others = [replace(PAIR, first=stranger(n), second=stranger(n + 40)) for n in range(6)]
    context = Surroundings((*clones, *others))
    task = TASKS["clone-detection"]
    rows = [make_example(task, pair, "test", 0, context) for pair in (*clones, *others)]
    searches = [row for row in rows if "Candidate" in row.input]
    assert 4 <= len(searches) <= 20
    places = set()
    for row in searches:
        first, *listed = re.split(r"\n\nCandidate \d:\n", row.input.removeprefix("Function:\n"))
        assert row.instruction in {text.format(language="Java") for text in clone_detection.SEARCH_WORDINGS["en"]}
        assert len(listed) == 5 and listed.count(row.output) == 1
        assert shared_calls(first, row.output) > 0.2
        assert all(shared_calls(first, code) < 0.2 for code in listed if code != row.output)
        assert fixed_answer(row) == NO_ANSWER
        places.add(listed.index(row.output))
    assert len(places) > 1
    assert {row.output for row in rows if row not in searches} == {"yes", "no"}


def test_without_enough_other_functions_nearby_a_pair_stays_a_pair():
    pairs = [replace(PAIR, first=copier(n), second=copier(n + 40), clones=True) for n in range(40)]
    rows = [make_example(TASKS["clone-detection"], pair, "test", 0, Surroundings(tuple(pairs))) for pair in pairs]
    assert {row.output for row in rows} == {"yes"}
