# ruff: noqa: E501
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.catalog.sources.repository.code_files import decode
from coma_cli.catalog.sources.repository.repository import find_stdlib, repository
from coma_cli.syntax.functions import functions
from coma_cli.syntax.leaves import leaves
from coma_cli.syntax.mutations import mutate, mutations
from coma_cli.syntax.trees import parses
from tests.syntax.samples import SAMPLES

OPERATOR, OFF_BY_ONE, SWAPPED, DROPPED = "changed-operator", "off-by-one", "swapped-arguments", "dropped-check"

# Edits that are wanted: language, function, kind, what stands there, what comes in its place.
WANTED = [
    ("c", "int f(int a) { return a == g; }", OPERATOR, "==", "!="),
    ("c", "int f(int a) { return a - g; }", OPERATOR, "-", "+"),
    ("c", "int f(int a) { a += 2; return a; }", OPERATOR, "+=", "-="),
    ("c", "int f(int a) { for (int i = 0; i < n; i++) a += i; return a; }", OFF_BY_ONE, "<", "<="),
    ("c", "int f(int a) { return v[n - 1]; }", OFF_BY_ONE, "n - 1", "n"),
    ("c", "int f(int a) { return v[0]; }", OFF_BY_ONE, "0", "1"),
    ("c", "int f(int a, int b) { return g(a, b); }", SWAPPED, "a, b", "b, a"),
    ("c", "int f(int a) {\n  if (a < 0)\n    return -EINVAL;\n  return g(a);\n}", DROPPED, "  if (a < 0)\n    return -EINVAL;\n", ""),
    ("c", "int f(int a) {\n  if (!a) {\n    goto fail;\n  }\n  return g(a);\n}", DROPPED, "  if (!a) {\n    goto fail;\n  }\n", ""),
    ("cpp", "int A::f(int a) { return a && b_; }", OPERATOR, "&&", "||"),
    ("csharp", "int F(int a) {\n  if (a == null) throw new E();\n  return G(a);\n}", DROPPED, "  if (a == null) throw new E();\n", ""),
    ("csharp", "int F(int a) => G(a, B[1]);", OFF_BY_ONE, "1", "2"),
    ("java", "int f(int a) { if (a > 1 && b) { g(a); } return a; }", DROPPED, "a > 1 && b", "a > 1"),
    ("java", "int f(int a) { return new P(a, this.b); }", SWAPPED, "a, this.b", "this.b, a"),
    ("javascript", "function f(a) { return a !== b.c; }", OPERATOR, "!==", "==="),
    ("typescript", "f(a: number): number { return g<A, B>(a, this.b); }", SWAPPED, "a, this.b", "this.b, a"),
    ("go", "func f(a int) error {\n\tx, err := g(a)\n\tif err != nil {\n\t\treturn err\n\t}\n\ty, err := h(x)\n\treturn err\n}", DROPPED, "\tif err != nil {\n\t\treturn err\n\t}\n", ""),
    ("ruby", "def f(a)\n  raise E unless a\n  g(a)\nend", DROPPED, "  raise E unless a\n", ""),
    ("ruby", "def f(a)\n  a.size + 1\nend", OFF_BY_ONE, "a.size + 1", "a.size"),
    ("rust", "fn f(a: u8) -> R {\n    if a > 3 {\n        return Err(E);\n    }\n    g(a)\n}", DROPPED, "    if a > 3 {\n        return Err(E);\n    }\n", ""),
    ("php", "function f($a) { return g($a, $this->b); }", SWAPPED, "$a, $this->b", "$this->b, $a"),
    ("python", "def f(a):\n    return a is not None", OPERATOR, "is not", "is"),
    ("python", "def f(a):\n    return a not in b", OPERATOR, "not in", "in"),
    ("python", "def f(a):\n    if not a:\n        raise ValueError(a)\n    return g(a)", DROPPED, "    if not a:\n        raise ValueError(a)\n", ""),
    ("python", "def f(a):\n    while a and b:\n        g(a)", DROPPED, "a and b", "a"),
    ("python", "def f(a):\n    return a[1:]", OFF_BY_ONE, "1", "2"),
]  # fmt: skip

# What must be left alone: it may mean the same, or is no code that runs.
UNTOUCHED = [
    ("c", "int f(int a) { return a + 0; }"),
    ("c", "int f(int a) { return a == a; }"),
    ("c", "int f(int a) { return a * 2; }"),
    ("c", "int f(int a) { return g(a, a); }"),
    ("c", "int f(int a, int b) { return max(a, b); }"),
    ("c", "int f(int a, int b) { printf(a, b); return g; }"),
    ("c", "int f(int a) { /* a == b */ return g; }"),
    ("c", 'int f(int a) { return g("a == b"); }'),
    ("c", "int f(int a) {\n#if A == 1\n  g();\n#endif\n  return a;\n}"),
    ("c", "int f(int a) { if (!a) return 0; return g; }"),
    ("cpp", "void f(int a) { std::cout << a << b; }"),
    ("cpp", "A f(int a) { return g<A, B>(); }"),
    ("java", "int f(List<A> a) { Map<K, V> m = g(); return m; }"),
    ("java", "boolean f(P a, P b) { return a.equals(b, a); }"),
    ("java", 'void f(P a, P b) { log.info("x", a, b + 1); }'),
    ("javascript", "function f(a, b) { return Math.min(a, b); }"),
    ("javascript", "function f(a) { console.log(a + 1, a === b); }"),
    ("typescript", "f(a: A | B): A & B { const c: A | B = a as A | B; return c; }"),
    ("go", "func f(a int) error {\n\terr := g()\n\tfmt.Println(a, err)\n\treturn err\n}"),
    ("go", "func f(a int) {\n\tlog.Printf(a, b)\n}"),
    ("ruby", "def f(a, b)\n  a << b\nend"),
    ("rust", "fn f<'a, T: A + B>(a: &'a T) -> T where T: C + D { g(a) }"),
    ("php", "function f($a) { return $a . 'x - 1'; }"),
    ("python", "def f(a: int | None = 1 - 2) -> A | B:\n    x: A | B = a\n    return x"),
    ("python", "def f(a):\n    assert a == b, a - 1\n    return a"),
    ("python", "def f(a):\n    return 'a == b' + a"),
    ("python", "def f(a):\n    return f'{a - 1}'"),
    ("python", "@g(a, b)\ndef f(a):\n    return a"),
    ("python", "def f(a):\n    print(a == b, a[0])"),
    ("python", "def f(a):\n    return [0] * 1"),
]  # fmt: skip

# Where both sides agree at the boundary, the boundary is not moved; turning the comparison round is another matter.
NO_BOUNDARY = [
    ("c", "int f(int a, int b) { if (a > b) b = a; return b; }"),
    ("c", "int f(int a, int b) { return a > b ? a : b; }"),
    ("c", "int f(int a) { return a < 0 ? -a : a; }"),
    ("java", "int f(int a) { if (a < 0) { a = 0; } return a; }"),
    ("python", "def f(a, b):\n    return a if a > b else b"),
    ("python", "def f(a):\n    return a < 0.5"),
    ("python", "def f(a):\n    return time.time() < a"),
    ("rust", "fn f(a: u8, b: u8) -> u8 { if a > b { a } else { b } }"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "kind", "old", "new"), WANTED)
def test_edits_that_people_make_by_mistake_are_found(language, code, kind, old, new):
    edits = [(edit.kind, code[edit.start : edit.end], edit.replacement) for edit in mutations(language, code)]
    assert (kind, old, new) in edits


@pytest.mark.parametrize(("language", "code"), UNTOUCHED)
def test_what_may_mean_the_same_is_left_alone(language, code):
    assert parses(language, code)
    assert mutations(language, code) == []


@pytest.mark.parametrize(("language", "code"), NO_BOUNDARY)
def test_a_boundary_at_which_both_branches_agree_stays(language, code):
    assert parses(language, code)
    assert not [edit for edit in mutations(language, code) if edit.kind == OFF_BY_ONE]


@pytest.mark.parametrize(("language", "code", "kind", "old", "new"), WANTED)
def test_an_edit_says_in_which_line_it_is(language, code, kind, old, new):
    edits = [e for e in mutations(language, code) if (code[e.start : e.end], e.replacement) == (old, new)]
    assert edits[0].line == code[: code.index(old)].count("\n") + 1


def differing_leaves(language, one, other):
    """The tokens of both that are left when those that agree at both ends are taken away."""
    first, second = ([leaf.text for leaf in leaves(language, text)] for text in (one, other))
    while first and second and first[0] == second[0]:
        first, second = first[1:], second[1:]
    while first and second and first[-1] == second[-1]:
        first, second = first[:-1], second[:-1]
    return first, second


SAMPLE_FUNCTIONS = [(language, f.code) for language, (text, _) in SAMPLES.items() for f in functions(language, text)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLE_FUNCTIONS), st.integers(0, 2**62))
def test_a_mutated_function_parses_and_differs_in_one_place(sample, seed):
    language, code = sample
    changed = mutate(language, code, seed)
    if changed is None:
        assert not [edit for edit in mutations(language, code) if parses(language, edit.apply(code))]
        return
    edit, wrong = changed
    assert wrong != code
    assert parses(language, wrong)
    assert wrong[: edit.start] == code[: edit.start]
    assert wrong[edit.start + len(edit.replacement) :] == code[edit.end :]
    old, new = differing_leaves(language, code, wrong)
    assert old or new
    assert not [leaf for leaf in leaves(language, wrong) if leaf.role == "comment" and leaf.text not in code]
    assert mutate(language, code, seed) == changed


def test_real_functions_allow_edits_that_parse_and_touch_no_string_or_comment():
    _, place = repository("stdlib")
    shards = [
        shard for shard in find_stdlib(place) if shard.name in ("heapq.py", "textwrap.py", "bisect.py", "fractions.py")
    ]
    counted = {OPERATOR: 0, OFF_BY_ONE: 0, SWAPPED: 0, DROPPED: 0}
    for shard in shards:
        for function in functions("python", decode(shard.name, shard.path.read_bytes())):
            silent = [
                leaf for leaf in leaves("python", function.code) if leaf.role == "comment" or leaf.kind == "string"
            ]
            for edit in mutations("python", function.code):
                counted[edit.kind] += 1
                if edit.kind != DROPPED:
                    assert parses("python", edit.apply(function.code)), (function.name, edit)
                    assert not [leaf for leaf in silent if leaf.start <= edit.start < leaf.end]
    assert min(counted.values()) > 3


def test_seeds_reach_every_kind_and_place():
    code = "int f(int a, int b) {\n  if (a < 0) {\n    throw new E();\n  }\n  return g(a, b) - 1;\n}"
    seeds = random.Random(0)
    reached = {mutate("java", code, seeds.getrandbits(60))[0] for _ in range(300)}
    assert reached == {edit for edit in mutations("java", code) if parses("java", edit.apply(code))}


@pytest.mark.parametrize(
    ("language", "code"),
    [("java", "int f( {"), ("sql", "SELECT a FROM b WHERE c = 1"), ("java", "class A {}"), ("x", "y")],
)
def test_what_is_no_function_allows_no_edit(language, code):
    assert mutations(language, code) == []
    assert mutate(language, code, 1) is None
