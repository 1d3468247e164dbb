"""Questions from a data dump and from published sets, all the way to rows."""

import json

import pytest

from coma_cli.dataset import build_data
from coma_cli.errors import MissingInputError
from coma_cli.settings import load_settings
from coma_cli.workspace import Workspace
from tests.catalog.sources.row_forms import write
from tests.catalog.sources.stackoverflow.dumps import answer, code, question, xml
from tests.dataset.builds import build, rows_of

QUESTIONS = {
    "How do I sort the records of employees by salary?": "employees.sort(key=lambda one: one.salary)\nprint(employees)",
    "How do I join words with commas in between?": "text = ', '.join(words)\nprint(text)",
    "How to split a long sentence at its punctuation": "import re\nparts = re.split(r'[.,;]', sentence)",
    "How to count how often each letter occurs": "from collections import Counter\ncounts = Counter(text)",
    "How can I turn a string back to front?": "backwards = ''.join(reversed(text))\nprint(backwards)",
    "How can I merge two dictionaries into one?": "merged = {**first, **second}\nprint(merged['a'])",
    "How to keep only positive numbers of a tuple": "kept = tuple(n for n in numbers if n > 0)",
    "How to round prices to two decimals": "for price in prices:\n    print(round(price, 2))",
    "How do I make a deep copy of nested objects?": "import copy\nother = copy.deepcopy(tree)",
    "How to compute the checksum of a file": "import hashlib\ndigest = hashlib.sha256(data).hexdigest()",
    "How to rotate an image clockwise": "from PIL import Image\nturned = Image.open(path).rotate(-90)",
    "How do I add leading zeros to an invoice number?": "number = str(invoice).zfill(8)\nprint(number)",
}


@pytest.fixture
def dump(tmp_path):
    """A dump whose questions have one snippet each, so that candidates come from the questions around."""
    posts = []
    for n, (title, snippet) in enumerate(QUESTIONS.items()):
        posts.append(question(2 * n + 1, title, AcceptedAnswerId=2 * n + 2))
        posts.append(answer(2 * n + 2, 2 * n + 1, code(snippet)))
    return write(tmp_path / "dump" / "Posts.xml", xml(posts))


def test_a_dump_becomes_search_rows_whatever_the_number_of_workers(tmp_path, dump):
    def rows(workers):
        made = build(
            tmp_path / f"w{workers}",
            stackexchange=str(dump),
            tasks=["code-search"],
            validation_share=0.0,
            workers=workers,
        )
        return (made.path / "train.jsonl").read_bytes(), rows_of(made)

    one, found = rows(1)
    two, _ = rows(2)
    assert one == two
    assert len(found) == len(QUESTIONS)
    for row in found:
        listed = json.loads(row["input"])
        assert len(set(listed)) == len(listed) == 4
        assert row["output"] in listed
        assert (row["source"], row["task"], row["licence"]) == ("stackexchange", "code-search", "CC-BY-SA-4.0")
        assert row["origin"]["url"] == f"https://stackoverflow.com/questions/{row['origin']['row']}"


def test_a_dump_is_read_as_one_piece_however_large(dump, tmp_path, monkeypatch):
    from coma_cli.dataset import locating

    monkeypatch.setattr(locating, "PIECE_BYTES", 100)
    settings = load_settings(build_data.STAGE.settings, flags={"stackexchange": str(dump)})
    assert build_data.plan(settings, Workspace(tmp_path)).total == 1


def test_a_dump_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingInputError, match="--stackexchange"):
        build(tmp_path / "w", stackexchange=str(tmp_path / "Posts.xml"))
