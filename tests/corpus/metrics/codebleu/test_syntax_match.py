from coma_cli.corpus.metrics.codebleu.syntax_match import syntax_match


def test_names_and_values_do_not_count():
    assert syntax_match("python", "def g(y):\n    return y + 2\n", "def f(x):\n    return x + 1\n")[0] > 0
    matched, total = syntax_match("python", "def g(y):\n    return y + 2\n", "def f(x):\n    return x + 1\n")
    assert matched == total


def test_subtrees_by_hand():
    # x = f(1): module, assignment, call and argument_list have children: 4 subtrees. In x = y, none of them is equal.
    assert syntax_match("python", "x = f(1)", "x = f(1)") == (4, 4)
    assert syntax_match("python", "x = y", "x = f(1)") == (0, 4)
    # Two such statements: all six subtrees of them occur in the answer; the module of two does not.
    assert syntax_match("python", "x = f(1)", "x = f(1)\ny = f(1)") == (6, 7)


def test_a_frame_around_a_method_is_no_part_of_it():
    method = "public function f($x) { return $x; }"
    matched, total = syntax_match("php", method, method)
    assert matched == total > 0
    inside, all_of_class = syntax_match("php", method, f"<?php\nclass A {{ {method} }}")
    assert inside == total
    assert all_of_class > total


def test_broken_and_empty_code_match_less_and_break_nothing():
    reference = "def f(x):\n    return x + 1\n"
    assert syntax_match("python", "", reference)[0] == 0
    matched, total = syntax_match("python", "def f(x:\n  return x + ", reference)
    assert 0 <= matched < total


def test_deep_nesting_is_no_recursion():
    deep = f"x = {'(' * 3000}1{')' * 3000}"
    assert syntax_match("python", deep, "x = 1")[1] == 2


def test_without_a_grammar_there_is_nothing_to_match():
    assert syntax_match("kotlin", "fun f() = 1", "fun f() = 1") == (0, 0)
