import random
import re

import pytest

from coma_cli.languages import LANGUAGES
from coma_cli.syntax.adjacent_names import has_adjacent_names
from coma_cli.syntax.trees import encode, grammar_of, parse, parses, sound_tree
from tests.benchmarks._grown_rows import grown, slice_rows
from tests.requirements import shared_data

FOUND = [
    ("javascript", "banana arr = [1, 2];"),
    ("javascript", "// a comment of words\nx = 'a b';\nmango sum(a) { return a; }"),
    ("php", "<?php\nbanana sum($a) { cherry $a; }\nmango cherry = 1;"),
    ("php", "grape square($x) { return $x; }\nwrite twice(2);"),
    ("java", "banana cherry mango(String[] args) { return; }"),
    ("csharp", "banana cherry Main(string[] args) { }"),
]
# What is right although names follow each other, or a regular expression can't tell.
RIGHT = [
    ("javascript", "let of = 1; for (const x of list) { async function get() {} }"),
    ("javascript", "class A { static get size() { return 1; } }"),
    ("javascript", "const a = <p id='x'>\n some words here\n</p>;"),
    ("javascript", "const a = <p>\n some words here\n //</p>;"),
    ("javascript", "const a = <b>some words<br/></b>;"),
    ("javascript", "s = `some words\nsome words here`;"),
    ("javascript", "s = /some words here/g;"),
    ("javascript", "a = b\nc = d"),
    ("javascript", "class A { @some name() {} }"),
    ("php", "<?php echo 'some words\nsome words here';"),
    ("php", "<p>some words</p> <?php echo 1; ?> some words"),
    ("php", "class A { const Type NAME = 1; }"),
    ("php", "<?php echo <<<END\nsome words here\nEND;\n"),
    ("php", "# some words\nfunction f(): static { return new static; }"),
    ("java", "@Some Type name = null;"),
    ("java", "class A { public static final synchronized int f() { return 1; } }"),
    ("java", 'String s = """\n some words of text\n """;'),
    ("csharp", "#region some words of text\nint x = 1;\n#endregion"),
    ("csharp", 'var s = @"some words\nsome words of text";'),
    ("csharp", "var q = from Foo x in xs join Bar y in ys on x equals y orderby x descending select x;"),
]
WORD = re.compile(r"[A-Za-z_$][\w$]*")
MORE = [
    ("java", "@Override public <T> T get(List<? extends T> x) throws IOException { return x.get(0); }"),
    ("java", "class A { int f(int x) { return x + 1; } }"),
    ("csharp", "public override T Get<T>(IList<T> x) where T : class => x[0];"),
    ("csharp", "namespace N { class A { public int Size { get; set; } int F(int x) => x + 1; } }"),
    ("php", "public static function f(?int $x): ?int { return $x ?? 1; }"),
    ("php", "<?php function f(int $x): int { return $x + 1; }"),
    ("javascript", "async get(x) { return await this.x; }"),
    ("javascript", "name: function (x) { return x; }"),
    ("javascript", "function f(x) { return x + 1; }"),
]
PUT_IN = (
    *("get", "of", "async", "Foo", "static", "type", "record", "where", "new", "in", "match", "yield", "var", "await"),
    *(" a b ", '"', "'", "/", "// x y\n", "/* a b c */", "`", "\n", "{", "}", ";", "$", "#", "@", "<p>a b</p>", "\\"),
)


@pytest.mark.parametrize(("language", "code"), FOUND)
def test_names_side_by_side_are_an_error(language, code):
    assert has_adjacent_names(language, code) and refused(language, code)
    assert parses(language, code) is False and sound_tree(language, code) is None
    tree = parse(language, code)
    assert tree is not None and tree.has_error and tree.before == before_of(language, code)


def before_of(language, code):
    """The size of the frame that a text without any fitting one is shown in: none but a tag."""
    tags = LANGUAGES[language].opening_tags
    return len(tags[0]) + 1 if tags and not any(tag in code for tag in tags) else 0


@pytest.mark.parametrize(("language", "code"), [*RIGHT, *MORE])
def test_right_programs_are_left_to_the_grammar(language, code):
    assert not has_adjacent_names(language, code)
    assert parses(language, code), "the example itself is wrong"
    assert sound_tree(language, code) is not None


def test_words_in_comments_and_strings_are_no_names():
    for language in ("javascript", "java", "csharp", "php"):
        assert not has_adjacent_names(
            language, "f('some words of text'); // some words of text\n/* some words\n again */"
        )


def refused(language, code):
    """Whether the grammar refuses a text in each frame."""
    from tree_sitter import Parser

    entry = LANGUAGES[language]
    tags = entry.opening_tags
    is_tagged = any(tag in code for tag in tags)
    head = f"{tags[0]}\n" if tags and not is_tagged else ""
    texts = [(grammar, head + frame.head + code + frame.tail) for grammar, frame in entry.frames]
    return all(
        Parser(grammar_of(grammar)).parse(encode(text)).root_node.has_error
        for grammar, text in (texts[:1] if is_tagged else texts)
    )


def test_grammars_refuse_whatever_is_found():
    """Rows with exchanged words, and right programs of all languages with something put in."""
    draw = random.Random(0)
    rows = slice_rows(shared_data())
    texts = [row["output"] for row in (*rows[:100], *grown(rows, 100))]
    texts += [text for _, text in (*MORE, *RIGHT)]
    found = 0
    for language in ("javascript", "php", "java", "csharp"):
        for text in texts:
            changed = [text]
            if parses(language, text):
                places = [draw.randrange(len(text)) for _ in range(3)] + [one.start() for one in WORD.finditer(text)][
                    :3
                ]
                changed += [f"{text[:place]}{draw.choice(PUT_IN)} {text[place:]}" for place in places]
            for one in changed:
                if has_adjacent_names(language, one):
                    found += 1
                    assert refused(language, one), (language, one)
    assert found > 100
