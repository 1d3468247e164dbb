import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coma_cli.languages import UNSPECIFIED, looks_like_python, named_languages
from coma_cli.syntax.detection import FEATURES, detect_code, detect_language
from coma_cli.syntax.trees import parses
from tests.benchmarks._grown_rows import grown, slice_rows
from tests.requirements import shared_data


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("def add(a, b):\n    return a + b", "python"),
        ("numbers = [i for i in range(1, 11)]", "python"),
        ('"""\nThis sentence in a docstring is longer than most of the code below it.\n"""\nimport os', "python"),
        ("function add(a, b) {\n  return a + b;\n}", "javascript"),
        ("let i = 0;\nwhile (i < 10) {\n  i++;\n}", "javascript"),
        ("interface User {\n  name: string;\n}", "typescript"),
        ("SELECT *\nFROM movies\nLIMIT 5;", "sql"),
        ("<?php\necho 'x';", "php"),
        ("$total = 0;\nforeach ($prices as $price) {\n    $total += $price;\n}", "php"),
        ("#include <stdio.h>\nint main() {\n    return 0;\n}", "c"),
        ("std::complex<double> sum = a + b;", "cpp"),
        ("int sum = 0;\nSystem.out.println(sum);", "java"),
        ("using System;\nclass A {\n    static void Main() {}\n}", "csharp"),
        ("def add(a, b)\n  a + b\nend", "ruby"),
        ("package main\n\nfunc main() {}", "go"),
        ("fn main() {\n    let mut x = 1;\n}", "rust"),
        ("<!DOCTYPE html>\n<html></html>", "html"),
        ("body {\n  color: red;\n}", "css"),
        ("curl -X POST https://example.com", "bash"),
        ("x = 1", UNSPECIFIED),
        ("15", UNSPECIFIED),
        ("", UNSPECIFIED),
        ('{"a": [1, 2]}', UNSPECIFIED),
        ("A set is a collection in which each item occurs only once, so console.log( shows it once.", UNSPECIFIED),
        ("function add(a, b) {\n  return a +;\n}", UNSPECIFIED),
    ],
)
def test_code_tells_its_language(code, language):
    assert detect_code(code) == language


@pytest.mark.parametrize(
    ("question", "given", "answer", "language"),
    [
        ("Connect to a MySQL database in PHP.", "", "<?php\n$db = new PDO('mysql:host=x');", "php"),
        ("Use HTML and CSS to draw a box.", "", "<!DOCTYPE html>\n<html></html>", "html"),
        ('Make this pass: assert name("PHP") == "PHP"', "", "def name(x):\n    return x", "python"),
        (
            "Return the longest name.",
            'assert longest(["PHP", "C"]) == "PHP"',
            "def longest(x):\n    return max(x)",
            "python",
        ),
        ("Do it in JavaScript", "", "def add(a, b):\n    return a + b", "python"),
        ("Do it in Ruby", "", "It can be done by hand.", "ruby"),
        ("Write a JavaScript function.", "", "x = 1", "javascript"),
        ("What does this code print?", "for i in range(3):\n    print(i)", "0, 1 and 2.", "python"),
        ("What is an algorithm?", "", "An algorithm is a set of instructions.", UNSPECIFIED),
    ],
)
def test_a_question_names_the_language_unless_the_answer_is_in_another(question, given, answer, language):
    assert detect_language(question, given, answer) == language


def test_rows_of_codealpaca_without_a_language_are_prose_and_data():
    rows = json.loads((shared_data() / "codealpaca" / "code_alpaca_2k.json").read_text(encoding="utf-8"))
    found = [detect_language(row["instruction"], row["input"], row["output"]) for row in rows]
    assert found.count(UNSPECIFIED) == 223  # 352 where only the question's words and Python's grammar counted


@pytest.mark.parametrize("language", [name for name, feature in FEATURES.items() if feature.words])
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_of_a_features_words_is_in_each_of_its_matches(language, data):
    feature = FEATURES[language]
    assert feature.is_in(data.draw(st.from_regex(feature.pattern)))


def test_a_shell_script_that_prints_a_variable_is_no_php():
    assert detect_code('#!/bin/bash\nsum=$((1 + 2))\necho "$sum"') == "bash"


def test_a_named_language_is_found_as_by_all_steps():
    """Where one language is named and the answer parses in it, nothing else is asked, or would be found."""
    rows = slice_rows(shared_data())
    texts = [
        "{}",
        "{} in Python",
        "A PHP {}",
        "{} with C#",
        "{} in Java, not in Ruby",
        "JavaScript: {}",
        "SQL {}",
        "C++ {}",
    ]
    for number, row in enumerate([*rows[:120], *grown(rows, 120)]):
        question = texts[number % len(texts)].format(row["instruction"])
        assert detect_language(question, row["input"], row["output"]) == by_all_steps(
            question, row["input"], row["output"]
        )


EMBEDDED = ({"html", "javascript"}, {"html", "css"}, {"c", "cpp"}, {"javascript", "typescript"}, {"php", "html"})


def by_all_steps(question, given, answer):
    named = list(dict.fromkeys(named_languages(re.sub(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'|`[^`\n]*`", " ", question))))
    found = detect_code(answer)
    if not named:
        return found if found != UNSPECIFIED or not given.strip() else detect_code(given)
    if found in named:
        return found
    if found != UNSPECIFIED and all(contradicts(name, found, answer) for name in named):
        return found
    return next((name for name in named if parses(name, answer)), named[0])


def contradicts(named, found, answer):
    if {named, found} in EMBEDDED:
        return False
    if found == "python" and looks_like_python(answer):
        return named != "python2"
    return parses(named, answer) is False and parses(found, answer) is True
