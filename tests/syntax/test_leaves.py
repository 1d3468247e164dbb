# ruff: noqa: E501
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.syntax.leaves import leaves
from coma_cli.syntax.trees import PARSED_LANGUAGES

# A line of each language: its identifiers, its literals, its comments, in their order.
CASES = [
    ("python", "def f(x): return f'a{x!r}' + 'b' + 1  # c", "f x x", "f' a 'b' 1", "# c"),
    ("javascript", "f({a}) { return `x${b + 1}` ?? /ab+/g ?? null; } // c", "f a b", "x 1 /ab+/g null", "// c"),
    ("typescript", "f<T>(a: string, b: T): T { return 'x' as T; } /* c */", "f T a b T T T", "'x'", "/* c */"),
    ("java", "int f(T a) { return a.b() + 1.0f + \"x\\n\" + 'c' + true; } // c", "f T a a b", "1.0f \"x\\n\" 'c' true", "// c"),
    ("go", "func f(a T) { b := `x`; b = 'c' + nil } // c", "f a T b b", "`x` 'c' nil", "// c"),
    ("ruby", "def f(a, b: 1) = @c + A + :d + \"x#{a}\" # c", "f a b @c A a", "1 :d x", "# c"),
    ("rust", "fn f<'a>(b: &'a T) -> u8 { g!(r#\"x\"#, 'c', 1_u8, false) } // c", "f a b a T g", "r#\"x\"# 'c' 1_u8 false", "// c"),
    ("php", "function f(int $a) { return \"x$a\" . 'y' . PHP_EOL . $this->b; } # c", "f a a PHP_EOL this b", "x 'y'", "# c"),
    ("c", "int f(T *a) { return a->b + 'c' + 0x1f + sizeof(\"x\"); } /* c */", "f T a a b", "'c' 0x1f \"x\"", "/* c */"),
    ("cpp", "auto f(std::v<T> a) { return R\"(x)\" + 1'000u + a.b; } // c", "f std v T a a b", "R\"(x)\" 1'000u", "// c"),
    ("csharp", 'T F(int a) { return @"x" + b + 1m + null; } // c', "T F a b", '@"x" 1m null', "// c"),
    ("sql", "SELECT a FROM b WHERE c = 1 AND d = 'x' -- c", "a b c d", "1 'x'", "-- c"),
]  # fmt: skip


def of_role(found, role):
    return [leaf.text.strip() for leaf in found if leaf.role == role]


@pytest.mark.parametrize(("language", "code", "identifiers", "literals", "comment"), CASES, ids=[c[0] for c in CASES])
def test_each_token_has_its_role(language, code, identifiers, literals, comment):
    found = leaves(language, code)
    assert of_role(found, "identifier") == identifiers.split()
    assert [text for text in of_role(found, "literal") if text != "'"] == literals.split()
    assert of_role(found, "comment") == [comment]
    assert all(code[leaf.start : leaf.end] == leaf.text for leaf in found)
    assert "".join("".join(leaf.text for leaf in found).split()) == "".join(code.split())


@pytest.mark.parametrize(("language", "code", "identifiers", "literals", "comment"), CASES, ids=[c[0] for c in CASES])
def test_renamed_variables_leave_everything_else_as_it_was(language, code, identifiers, literals, comment):
    def without_names(text):
        return [leaf.kind if leaf.role == "identifier" else leaf.text for leaf in leaves(language, text)]

    place = next(leaf.start for leaf in leaves(language, code) if leaf.role == "identifier")
    renamed = code[:place] + "q" + code[place:] if code[place] != "@" else code
    assert renamed != code
    assert without_names(renamed) == without_names(code)


def test_no_grammar_no_leaves():
    assert leaves("brainfuck", "+") == []


def test_what_does_not_parse_still_has_leaves():
    assert [leaf.text for leaf in leaves("java", "int f( { return x +; }")][:3] == ["int", "f", "("]


def test_a_frame_around_a_method_gives_no_leaves():
    assert [leaf.text for leaf in leaves("php", "public function f() {}")] == [
        "public",
        "function",
        "f",
        "(",
        ")",
        "{",
        "}",
    ]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PARSED_LANGUAGES), st.text("ab1 \n\"'`#/*{}()$;é\ud800\U0001f600", max_size=60))
def test_leaves_stand_in_their_order_and_overlap_nowhere(language, code):
    end = 0
    for leaf in leaves(language, code):
        assert end <= leaf.start < leaf.end <= len(code)
        assert code[leaf.start : leaf.end] == leaf.text
        end = leaf.end
