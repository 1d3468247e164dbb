import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.languages import LANGUAGES
from coma_cli.syntax.trees import PARSED_LANGUAGES, parse, parses, walk

WHOLE = {
    "python": "def f(x):\n    return x + 1\n",
    "javascript": "function f(x) { return x + 1; }",
    "typescript": "function f<T>(x: T): T { return x; }",
    "java": "class A { int f(int x) { return x + 1; } }",
    "go": "package a\n\nfunc f(x int) int { return x + 1 }\n",
    "ruby": "def f(x)\n  x + 1\nend\n",
    "rust": "pub fn f<'a>(x: &'a str) -> &'a str { x }",
    "php": "<?php function f(int $x): int { return $x + 1; }",
    "c": "static int f(int x) { return x + 1; }",
    "cpp": "template <class T> T A<T>::f(T x) const { return x + 1; }",
    "csharp": "namespace N { class A { int F(int x) => x + 1; } }",
    "sql": "SELECT a FROM b WHERE c = 1",
}
ALONE = [
    ("java", "public Point(int x) { this.x = x; }"),
    ("java", "@Override public <T> T get(List<? extends T> x) throws IOException { return x.get(0); }"),
    ("csharp", "public Point(int x) : base(x) { X = x; }"),
    ("csharp", "public int Size { get; set; }"),
    ("csharp", "public override T Get<T>(IList<T> x) where T : class => x[0];"),
    ("php", "function f($x) { return $x; }"),
    ("php", "public static function f(?int $x): ?int { return $x ?? 1; }"),
    ("php", "#[Pure]\nprotected function f() { return $this->x; }"),
    ("javascript", "async get(x) { return await this.x; }"),
    ("javascript", "get size() { return 1; }"),
    ("javascript", "function (x) { return x; }"),
    ("javascript", "name: function (x) { return x; }"),
    ("typescript", "private get<T>(x: T): T { return this.x as T; }"),
    ("typescript", "const f = (x: number) => <b>{x}</b>;"),
    ("go", "func (p *Point) Size() (int, error) { return 1, nil }"),
    ("go", "func(x int) int { return x }"),
    ("rust", "fn size(&self) -> usize;"),
    ("cpp", "virtual int size() const override { return 1; }"),
    ("cpp", "explicit _(int x) : x_(x) {}"),
]
BROKEN = {
    "python": "def f(x:\n  return",
    "javascript": "function f( { return x +; }",
    "typescript": "function f(x: ): { }",
    "java": "int f(int x) { return x + ; }",
    "go": "func f(x int { return }",
    "ruby": "def f(x\n  x +\n",
    "rust": "fn f(x: ) -> { x }",
    "php": "function f($x { return $x; }",
    "c": "int f(int x) { return x + ; ",
    "cpp": "int A::f( { return 1; }",
    "csharp": "public int F(int x { return x; }",
    "sql": "SELECT FROM WHERE (",
}


def test_every_language_has_a_name_in_sentences():
    assert set(WHOLE) == set(BROKEN) <= set(PARSED_LANGUAGES) <= set(LANGUAGES)


@pytest.mark.parametrize("language", WHOLE)
def test_a_whole_program_parses_and_a_broken_one_does_not(language):
    assert parses(language, WHOLE[language]) is True
    assert parses(language, BROKEN[language]) is False


@pytest.mark.parametrize(("language", "code"), ALONE)
def test_a_function_parses_without_what_stands_around_it(language, code):
    assert parses(language, code) is True
    tree = parse(language, code)
    assert tree is not None
    start, end = tree.span(tree.root)
    assert code[start:end].strip() == code


def test_what_has_no_grammar_gives_none():
    assert parse("brainfuck", "+++") is None
    assert parses("unspecified", "x") is None


@pytest.mark.parametrize("language", WHOLE)
def test_line_ends_do_not_matter(language):
    assert parses(language, WHOLE[language].replace("\n", "\r\n")) is True


def test_places_are_counted_in_characters_of_the_code():
    code = 'public String f() { return "é\U0001f600" + name; }'
    tree = parse("java", code)
    assert tree is not None
    name = tree.root.descendant_for_byte_range(
        tree.before + len(code[: code.index("name")].encode()), tree.before + len(code[: code.index(";")].encode())
    )
    assert name is not None
    assert tree.text(name) == "name"
    start, end = tree.span(name)
    assert code[start:end] == "name"


def test_python_is_judged_by_the_interpreter():
    assert parses("python", "print 'x'\n") is False
    tree = parse("python", "print 'x'\n")
    assert tree is not None  # the tree for tokens is more forgiving


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PARSED_LANGUAGES), st.text(max_size=80))
def test_no_text_can_break_the_parser(language, code):
    tree = parse(language, code)
    assert tree is not None
    assert tree.span(tree.root)[1] <= len(code)


def test_lone_surrogates_are_text_too():
    tree = parse("java", 'int f() { return "\ud800"; }')
    assert tree is not None
    assert not tree.has_error


def test_a_template_with_its_own_opening_tag_is_no_part_of_a_class():
    inside = "public function area() { return 1; }"
    assert parses("php", inside)
    assert not parses("php", f"<?php {inside}")


def test_the_same_code_is_parsed_once():
    assert parse("java", "int x = 1;") is parse("java", "int x = 1;")


def test_a_walk_is_in_text_order_and_bears_deep_trees():
    tree = parse("javascript", "f(a, g(b))")
    names = [node.text.decode() for node in walk(tree.root) if node.type == "identifier"]
    assert names == ["f", "a", "g", "b"]
    deep = parse("javascript", "(" * 3000 + "x" + ")" * 3000)
    assert sum(node.type == "identifier" for node in walk(deep.root)) == 1
