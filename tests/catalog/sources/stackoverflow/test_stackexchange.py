import gzip
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import Question
from coma_cli.catalog.sources.stackoverflow import stackexchange
from coma_cli.catalog.sources.stackoverflow.post_blocks import asks_how_to, blocks_of, is_code_of, without_prompts
from coma_cli.catalog.sources.stackoverflow.posts import PostFeed
from coma_cli.errors import MissingPackageError
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import reasons, write, write_zip
from tests.catalog.sources.stackoverflow.dumps import answer, code, post, question, xml
from tests.requirements import package

TRIED = "<p>I tried</p>" + code("x = 1\n") + "<p>and it gave</p>" + code("1 2\n3 4", "<pre class=x><code>")
POSTS = [
    question(4, "How do I add  seconds?", body=TRIED, AcceptedAnswerId=8),
    question(5, "Why does this fail?"),
    question(6, "How to join?", tags="|mysql|join|"),
    question(7, "How to cook?", tags="<cooking>"),
    answer(8, 4, f"<p>So:</p>{code('a &lt; b')}<p>gives</p>{code('True or')}{code('b &gt; a')}", score=1),
    answer(9, 4, code("x + 1"), score=9),
    answer(10, 4, code("import this"), score=-1, ContentLicense="CC BY-SA 3.0"),
    answer(11, 6, code("SELECT 1"), score=1),
    answer(12, 6, code("select a from b join c"), score=3),
    answer(13, 99, code("x = 2"), score=3),
    post(14, 4, "<p>A tag's text.</p>"),
    question(15, "How can I get nothing?"),
    question(16, "Is there a way to sort?"),
    answer(17, 16, "<p>Use <code>sorted</code>.</p>", score=2),
    question(4, "How do I come twice?"),
    answer("x", 4, ""),
    question(18, "How to print?", tags="<python-2.7><python>"),
    answer(19, 18, code(">>> print 'x'\nx\n"), score=1),
]
THREADS = [
    (
        "python",
        "How do I add seconds?",
        ("a < b", "True or", "x = 1", "1 2\n3 4", "import this"),
        (0,),
        "CC-BY-SA-3.0 AND CC-BY-SA-4.0",
    ),
    ("sql", "How to join?", ("select a from b join c", "SELECT 1"), (0,), "CC-BY-SA-4.0"),
    ("python2", "How to print?", ("print 'x'",), (0,), "CC-BY-SA-4.0"),
]


def threads(found):
    return [(e.language, e.text, e.candidates, e.answers, e.licence) for e in good(found)]


def test_how_to_questions_of_the_tags_with_their_candidates(tmp_path):
    found = read(stackexchange.SOURCE, write(tmp_path / "Posts.xml", xml(POSTS)))
    wanted = [THREADS[0], ("sql", "How to join?", ("select a from b join c",), (0,), "CC-BY-SA-4.0"), THREADS[2]]
    assert threads(found) == wanted
    assert reasons(found) == [
        ("no-answer", "no accepted answer and none with votes"),
        ("no-answer", "the answer has no code block"),
        ("broken-row", "1 posts"),
        ("duplicate-id", "1 posts"),
        ("not-how-to", "1 posts"),
    ]
    assert good(found)[0] == Question(
        language="python",
        text="How do I add seconds?",
        candidates=THREADS[0][2],
        answers=(0,),
        licence="CC-BY-SA-3.0 AND CC-BY-SA-4.0",
        origin=Origin(path="Posts.xml", row="4", url="https://stackoverflow.com/questions/4", split="train"),
        topic="4",
    )


def seven_zip(path, content, name="Posts.xml"):
    package("py7zr", "stackexchange")
    import py7zr

    path.parent.mkdir(parents=True, exist_ok=True)
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(b"<users />", "Users.xml")
        archive.writestr(content, name)
    return path


FORMS = {
    "gzip": lambda folder, content: write(folder / "Posts.xml.gz", gzip.compress(content)),
    "zip": lambda folder, content: write_zip(folder / "dump.zip", {"dump/Posts.xml": content, "Users.xml": b"<x/>"}),
    "7z": lambda folder, content: seven_zip(folder / "dba.stackexchange.com-Posts.7z", content),
}


@pytest.mark.parametrize("form", FORMS)
def test_packed_dumps_give_the_same(tmp_path, form):
    plain = read(stackexchange.SOURCE, write(tmp_path / "plain" / "Posts.xml", xml(POSTS)))
    path = FORMS[form](tmp_path / "packed", xml(POSTS))
    for place in (path, path.parent):
        found = read(stackexchange.SOURCE, place)
        assert threads(found) == threads(plain)
        assert reasons(found) == reasons(plain)
    site = "dba.stackexchange.com" if form == "7z" else "stackoverflow.com"
    assert good(found)[0].origin.url == f"https://{site}/questions/4"


def test_without_py7zr_the_message_says_how_to_unpack(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "py7zr", None)
    monkeypatch.delitem(sys.modules, "coma_cli.formats.seven_zip", raising=False)
    write(tmp_path / "Posts.7z", b"7z\xbc\xaf\x27\x1c and more")
    with pytest.raises(MissingPackageError) as error:
        read(stackexchange.SOURCE, tmp_path)
    assert "7z x Posts.7z Posts.xml" in error.value.hint
    assert "coma-cli[stackexchange]" in error.value.hint


LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE posts [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>\n'
    '<posts><row Id="1" PostTypeId="1" Body="&b;" /></posts>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LAUGHS, "document type"),
        ('<!DOCTYPE posts SYSTEM "file:///etc/passwd"><posts />', "document type"),
        ("<users><row /></users>", "the root is <users>"),
        (xml(POSTS)[:-40], "truncated or malformed"),
        ("", "truncated or malformed"),
        ("plain text", "truncated or malformed"),
        (b"<posts>\xff\xfe</posts>", "truncated or malformed"),
        (gzip.compress(xml(POSTS))[:-30], "broken gzip"),
    ],
    ids=["laughs", "outside", "root", "cut", "empty", "text", "encoding", "gzip"],
)
def test_a_file_that_is_not_a_dump_breaks_the_source(tmp_path, content, message):
    with pytest.raises(BrokenSourceError, match=message):
        read(stackexchange.SOURCE, write(tmp_path / "Posts.xml", content))


def test_a_broken_7z_archive_breaks_the_source(tmp_path):
    path = seven_zip(tmp_path / "Posts.7z", xml(POSTS * 50))
    whole = path.read_bytes()
    for broken in (whole[:-20], whole[:60], whole[:40] + b"\x00" * 40 + whole[80:]):
        path.write_bytes(broken)
        with pytest.raises(BrokenSourceError, match="broken 7z archive"):
            read(stackexchange.SOURCE, path)
    with pytest.raises(BrokenSourceError, match=r"holds no Posts\.xml"):
        read(stackexchange.SOURCE, seven_zip(tmp_path / "Posts.7z", b"<posts />", "Tags.xml"))
    with pytest.raises(BrokenSourceError, match="document type"):
        read(stackexchange.SOURCE, seven_zip(tmp_path / "Posts.7z", LAUGHS.encode()))


def test_many_parts_give_the_same_questions(tmp_path, monkeypatch):
    path = write(tmp_path / "Posts.xml", xml(POSTS))
    whole = threads(read(stackexchange.SOURCE, path))
    monkeypatch.setattr(stackexchange, "PART_BYTES", 500)
    assert sorted(threads(read(stackexchange.SOURCE, path))) == sorted(whole)


def test_memory_does_not_grow_with_the_dump(tmp_path, monkeypatch):
    monkeypatch.setattr(stackexchange, "PART_BYTES", 100_000)
    filler = "word " * 300

    def peak(pairs):
        posts = (
            row
            for n in range(pairs)
            for row in (
                question(2 * n + 1, f"How to do {n}?", body=filler, AcceptedAnswerId=2 * n + 2),
                answer(2 * n + 2, 2 * n + 1, filler + code(f"x = {n}")),
            )
        )
        path = write(tmp_path / f"{pairs}.xml", xml(posts))
        tracemalloc.start()
        (shard,) = stackexchange.find(path)
        count = sum(1 for _ in stackexchange.read(shard))
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == pairs
        return high

    peak(10)
    assert peak(1600) < 1.5 * peak(200)


@given(st.lists(st.sampled_from(["<posts>", "<row ", 'Id="1" ', "/>", "</posts>", "&x;", "<!DOCTYPE x [", "]>", "é"])))
def test_any_text_is_read_or_rejected(pieces):
    rows = []
    with suppress(BrokenSourceError):
        feed = PostFeed("x", rows.append)
        for piece in pieces:
            feed.write(piece.encode())
        feed.close()
    assert all(isinstance(row, dict) for row in rows)


@pytest.mark.parametrize(
    ("title", "asks"),
    [
        ("How do I get the modified time of a file in Python?", True),
        ("What is the standard way to add N seconds to datetime.time?", True),
        ("Is there a built-in function to reverse a string?", True),
        ("Elegant way of drawing a chart", True),
        ("How to catch a socket exception", True),
        ("Why is my loop slow?", False),
        ("How to solve: query not working", False),
        ("How do I do this without getting a TypeError", False),
        ("SQL query returns nothing", False),
        ("", False),
    ],
)
def test_titles_that_ask_how_to_do_something(title, asks):
    assert asks_how_to(title) is asks


def test_blocks_of_a_post_in_their_order():
    body = (
        "<p>First <code>inline</code> &amp; so</p>\n<pre><code>if a &lt; b:\n    pass\n</code></pre><p>then</p>"
        '<pre class="lang-py"><code>\nx\n\n</code></pre><pre></pre><ul><li>one</li><li>two</li></ul><pre><code>cut off'
    )
    assert blocks_of(body) == [
        (False, "First inline & so"),
        (True, "if a < b:\n    pass"),
        (False, "then"),
        (True, "x"),
        (False, "one two"),
        (True, "cut off"),
    ]


@given(st.text(alphabet="<>/precod &;!-\n'\"=x", max_size=80))
def test_any_html_has_blocks(body):
    assert all(block.text.strip() for block in blocks_of(body))


@pytest.mark.parametrize(
    ("language", "text", "is_code"),
    [
        ("python", "x = [1]\nfor y in x:\n    print(y)", True),
        ("python", "Traceback (most recent call last):", False),
        ("python", "11:34:59\n11:35:02", False),
        ("sql", "-- all of them\nSELECT *\nFROM t", True),
        ("sql", ";with c as (select 1) select * from c", True),
        ("sql", "id | name\n1 | x", False),
        ("sql", "+----+\n| id |", False),
        ("python2", "print 'x'", True),
        ("python2", "| a | b |", False),
    ],
)
def test_code_is_distinguished_from_output(language, text, is_code):
    assert is_code_of(language, text) is is_code


def test_sessions_lose_their_prompts_and_output():
    assert without_prompts(">>> x = 1\n>>> if x:\n...     print(x)\n...\n1\n") == "x = 1\nif x:\n    print(x)"
    assert without_prompts("x = '>>> '") == "x = '>>> '"
